"""Settings of the stages, from the environment; secrets from files that it names, never from arguments.

A pod gets MEDPATTERN_* variables from its chart and Secrets as mounted files. All that is wrong is reported at
once, by the variable's name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from medpattern.errors import UsageError
from medpattern.pipeline.identity import SHORTEST_KEY, Keys

Choice = TypeVar("Choice", bound=StrEnum)


class Environment:
    """Reads variables and remembers every problem until `check`.

    `variables` is `os.environ` or a test's own. A variable that is set to nothing counts as not set.
    """

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self._problems: list[str] = []

    def text(self, name: str, default: str | None = None) -> str:
        """A text; without a default it is required."""
        found = self._variables.get(name, "")
        if found:
            return found
        if default is None:
            self._problems.append(f"{name} is not set")
        return default or ""

    def texts(self, name: str, default: str | None = None) -> tuple[str, ...]:
        """Texts with commas between them."""
        return tuple(part.strip() for part in self.text(name, default).split(",") if part.strip())

    def integer(self, name: str, default: int, least: int = 0, most: int = 2**31) -> int:
        """A whole number from `least` to `most`."""
        return int(self.number(name, default, least, most, whole=True))

    def number(self, name: str, default: float, least: float, most: float, *, whole: bool = False) -> float:
        """A number from `least` to `most`."""
        text = self._variables.get(name, "")
        try:
            found = float(int(text) if whole else float(text)) if text else float(default)
        except ValueError:
            found = float("nan")
        if not least <= found <= most:
            kind = "whole number" if whole else "number"
            self._problems.append(f"{name} is {text!r}: a {kind} from {least} to {most} is wanted")
            return float(default)
        return found

    def flag(self, name: str, default: bool = False) -> bool:
        """true or false."""
        text = self._variables.get(name, "") or str(default)
        if text.lower() not in ("true", "false"):
            self._problems.append(f"{name} is {text!r}: true or false is wanted")
        return text.lower() == "true"

    def choice(self, name: str, default: Choice) -> Choice:
        """One of the words of the default's enumeration."""
        words = type(default)
        text = self._variables.get(name, "") or default.value
        if text not in {word.value for word in words}:
            self._problems.append(f"{name} is {text!r}: one of {', '.join(words)} is wanted")
            return default
        return words(text)

    def file(self, name: str, default: str | None = None) -> Path | None:
        """A file that must exist; None where the default is empty and nothing is set."""
        text = self.text(name, default)
        if not text:
            return None
        if not Path(text).is_file():
            self._problems.append(f"{name} names {text}, which is no file")
        return Path(text)

    def secret(self, name: str, default: str | None = None) -> str:
        """The content of the file that `name`_FILE names, without blanks around it; else the variable `name`."""
        path = self._variables.get(f"{name}_FILE", "")
        if not path:
            found = self._variables.get(name, "")
            if not found and default is None:
                self._problems.append(f"{name}_FILE is not set")
            return found or default or ""
        try:
            found = Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as problem:
            self._problems.append(f"{name}_FILE names {path}, which cannot be read: {_why(problem)}")
            return default or ""
        if not found and default is None:
            self._problems.append(f"{name}_FILE names {path}, which is empty")
        return found

    def key(self, name: str, *, required: bool = True) -> bytes:
        """A secret of at least 32 bytes that is used as a key; b"" where it is wrong, or not there and not required."""
        found = self.secret(name, None if required else "").encode()
        if found and len(found) < SHORTEST_KEY:
            self._problems.append(
                f"{name}_FILE holds fewer than {SHORTEST_KEY} characters; make one with: openssl rand -base64 48"
            )
            return b""
        return found

    def problem(self, text: str) -> None:
        """Adds a problem that only the caller can see."""
        self._problems.append(text)

    def check(self) -> None:
        """Raises UsageError with all problems, if there are any."""
        if self._problems:
            raise UsageError("settings of the environment:\n  " + "\n  ".join(self._problems))


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """The object store; empty credentials mean boto3's own search (AWS_* variables)."""

    endpoint: str
    region: str
    sources: tuple[str, ...]
    processed: str
    anonymised: str
    access_key: str = field(default="", repr=False)
    secret_key: str = field(default="", repr=False)
    ca: str = ""

    @classmethod
    def read(cls, env: Environment, *, outputs: bool = True) -> StoreSettings:
        """MEDPATTERN_S3_* and the buckets; MEDPATTERN_SOURCE_BUCKET may name several, with commas."""
        folder = env.text("MEDPATTERN_S3_CREDENTIALS", "")
        return cls(
            endpoint=env.text("MEDPATTERN_S3_ENDPOINT"),
            region=env.text("MEDPATTERN_S3_REGION", "us-east-1"),
            sources=env.texts("MEDPATTERN_SOURCE_BUCKET"),
            processed=env.text("MEDPATTERN_PROCESSED_BUCKET", None if outputs else ""),
            anonymised=env.text("MEDPATTERN_ANONYMISED_BUCKET", None if outputs else ""),
            access_key=_from_folder(env, folder, "AWS_ACCESS_KEY_ID"),
            secret_key=_from_folder(env, folder, "AWS_SECRET_ACCESS_KEY"),
            ca=env.text("MEDPATTERN_S3_CA", ""),
        )


class Authentication(StrEnum):
    """How a client says to Kafka who it is; `none` is plain text, for a broker on the same machine."""

    NONE = "none"
    SCRAM = "scram-sha-512"
    TLS = "tls"


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """The brokers. With SCRAM `credentials` holds username and password, with TLS user.crt and user.key."""

    bootstrap: str
    authentication: Authentication = Authentication.NONE
    username: str = ""
    password: str = field(default="", repr=False)
    certificate: str = ""
    private_key: str = ""
    ca: str = ""

    @classmethod
    def read(cls, env: Environment) -> KafkaSettings:
        """MEDPATTERN_KAFKA_*."""
        authentication = env.choice("MEDPATTERN_KAFKA_AUTHENTICATION", Authentication.NONE)
        scram, tls = authentication is Authentication.SCRAM, authentication is Authentication.TLS
        folder = env.text("MEDPATTERN_KAFKA_CREDENTIALS", None if scram or tls else "")
        return cls(
            bootstrap=env.text("MEDPATTERN_KAFKA_BOOTSTRAP"),
            authentication=authentication,
            username=_from_folder(env, folder, "username") if scram else "",
            password=_from_folder(env, folder, "password") if scram else "",
            certificate=f"{folder}/user.crt" if tls else "",
            private_key=f"{folder}/user.key" if tls else "",
            ca=env.text("MEDPATTERN_KAFKA_CA", ""),
        )


def read_keys(env: Environment) -> Keys | None:
    """MEDPATTERN_IDENTITY_KEY_FILE and MEDPATTERN_PSEUDONYM_KEY_FILE; None where either is wrong, which is noted."""
    identity, pseudonym = env.key("MEDPATTERN_IDENTITY_KEY"), env.key("MEDPATTERN_PSEUDONYM_KEY")
    return Keys(identity, pseudonym) if identity and pseudonym else None


def required_keys(env: Environment) -> Keys:
    """The keys of `read_keys`; zeros stand for wrong ones, so that all else is read before `check` raises."""
    return read_keys(env) or Keys(bytes(SHORTEST_KEY), bytes(SHORTEST_KEY))


def read_database_url(env: Environment) -> str:
    """MEDPATTERN_DATABASE_URL_FILE: postgresql://... or sqlite:///..., as SQLAlchemy reads it."""
    return env.secret("MEDPATTERN_DATABASE_URL")


def _from_folder(env: Environment, folder: str, name: str) -> str:
    if not folder:
        return ""
    try:
        return (Path(folder) / name).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as problem:
        env.problem(f"{folder}/{name} cannot be read: {_why(problem)}")
        return ""


def _why(problem: Exception) -> str:
    return (problem.strerror or "unreadable") if isinstance(problem, OSError) else "no UTF-8"
