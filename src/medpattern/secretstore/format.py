"""Format 2.0 of the Validated Patterns framework's secrets file, as data.

https://github.com/validatedpatterns/rhvp.cluster_utils (roles/vault_utils) describes the format.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from medpattern.findings import Place
from medpattern.secretstore.hidden import Hidden
from medpattern.secretstore.passwords import PasswordPolicy

# What the framework takes where the file says nothing.
STORE_NAMESPACE = "validated-patterns-secrets"
MOUNT, PREFIX, TYPE = "secret", "hub", "Opaque"


class Backing(StrEnum):
    """Where entries go: into Vault, into Secrets of one namespace, or into the namespaces that they name alone."""

    VAULT = "vault"
    KUBERNETES = "kubernetes"
    NONE = "none"


class Source(StrEnum):
    """Where a field's value comes from."""

    VALUE = "value"
    PATH = "path"
    INI = "ini_file"
    GENERATE = "generate"


class VaultPath(NamedTuple):
    """An entry of a KV engine: `mount` is the engine's, `path` what comes after data/."""

    mount: str
    path: str

    def __str__(self) -> str:
        return f"{self.mount}/{self.path}"


class SecretName(NamedTuple):
    """A Secret of Kubernetes."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"Secret {self.name} in {self.namespace}"


@dataclass(frozen=True, slots=True)
class Field:
    """One key of an entry.

    Attributes:
        name: the key.
        source: where the value comes from.
        asks: a person is asked for the value, or for the path; what the file says is the default.
        value: with the source `value`; None if there is none.
        file: with `path` and `ini_file`; ~ stands for the home folder; "" if a person has to say it.
        ini_section: of an ini file.
        ini_key: in that section.
        policy: with `generate`.
        base64: the value is stored as base64 of itself.
        override: a generated value takes the place of one that is there.
        prompt: what a person is asked; "" for the name.
        place: where it stands.
    """

    name: str
    source: Source
    place: Place
    asks: bool = False
    value: Hidden | None = None
    file: str = ""
    ini_section: str = ""
    ini_key: str = ""
    policy: PasswordPolicy | None = None
    base64: bool = False
    override: bool = False
    prompt: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One secret with its fields. `early`: it is also for Kubernetes, before the store is there; `only_early`: only."""

    name: str
    fields: tuple[Field, ...]
    place: Place
    mount: str = MOUNT
    prefixes: tuple[str, ...] = (PREFIX,)
    type: str = TYPE
    namespaces: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    only_early: bool = False

    def field(self, name: str) -> Field | None:
        """The field of that name."""
        return next((one for one in self.fields if one.name == name), None)


@dataclass(frozen=True, slots=True)
class SecretsFile:
    """A secrets file that has been read. `file` is its name for people; `namespace` that of the kubernetes store."""

    file: str
    entries: tuple[Entry, ...]
    policies: Mapping[str, PasswordPolicy]
    backing: Backing = Backing.VAULT
    namespace: str = STORE_NAMESPACE

    @property
    def holds_values(self) -> bool:
        """Whether a secret itself stands in the file."""
        return any(one.value for entry in self.entries for one in entry.fields)

    def vault_paths(self, entry: Entry) -> tuple[VaultPath, ...]:
        """Where an entry is in Vault; nowhere if Vault is not where this file's entries go."""
        if self.backing is not Backing.VAULT or entry.only_early:
            return ()
        return tuple(VaultPath(entry.mount, f"{prefix}/{entry.name}") for prefix in entry.prefixes)

    def kubernetes_secrets(self, entry: Entry) -> tuple[SecretName, ...]:
        """The Secrets that an entry becomes."""
        spaces = (self.namespace,) if self.backing is Backing.KUBERNETES else entry.namespaces
        return tuple(SecretName(space, entry.name) for space in spaces)
