"""Settings of the dead letter sink and of replay."""

from __future__ import annotations

from dataclasses import dataclass, field

from medpattern.pipeline.deadletters.letters import LetterMaker
from medpattern.pipeline.deadletters.sealing import Seal
from medpattern.pipeline.events.notifications import KeyForm
from medpattern.pipeline.identity import SHORTEST_KEY
from medpattern.pipeline.settings import Environment, KafkaSettings, read_database_url, required_keys

MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class SinkSettings:
    """The sink. With a `database_url` it also records the topic in the table; `group` is whose place that keeps."""

    kafka: KafkaSettings
    topic: str
    group: str
    maker: LetterMaker = field(repr=False)
    database_url: str = field(repr=False)
    most_bytes: int

    @classmethod
    def read(cls, env: Environment) -> SinkSettings:
        """The settings, all problems at once.

        Raises:
            UsageError: something is missing or wrong.
        """
        found = cls(
            kafka=KafkaSettings.read(env),
            topic=env.text("MEDPATTERN_DEAD_LETTERS_TOPIC"),
            group=_group(env),
            maker=LetterMaker(
                keys=required_keys(env),
                sources=frozenset(env.texts("MEDPATTERN_SOURCE_BUCKET")),
                seal=read_seal(env),
                key_form=env.choice("MEDPATTERN_EVENT_KEYS", KeyForm.AUTO),
            ),
            database_url=env.secret("MEDPATTERN_DATABASE_URL", ""),
            most_bytes=env.integer("MEDPATTERN_MOST_EVENT_BYTES", 16 * MEBIBYTE, 1024, 64 * MEBIBYTE),
        )
        env.check()
        return found


@dataclass(frozen=True, slots=True)
class ReplaySettings:
    """Replay. `topics` are those that events may be sent to: the first unless an event came from another."""

    kafka: KafkaSettings
    topic: str
    group: str
    topics: tuple[str, ...]
    seal: Seal = field(repr=False)
    database_url: str = field(repr=False)

    @classmethod
    def read(cls, env: Environment) -> ReplaySettings:
        """As SinkSettings.read."""
        found = cls(
            kafka=KafkaSettings.read(env),
            topic=env.text("MEDPATTERN_DEAD_LETTERS_TOPIC"),
            group=_group(env),
            topics=(env.text("MEDPATTERN_INPUT_TOPIC"), *env.texts("MEDPATTERN_BACKFILL_TOPIC", "")),
            seal=read_seal(env),
            database_url=read_database_url(env),
        )
        env.check()
        return found


def read_seal(env: Environment) -> Seal:
    """MEDPATTERN_DEAD_LETTER_KEY_FILE, and MEDPATTERN_DEAD_LETTER_KEY_PREVIOUS_FILE, which only opens."""
    current = env.key("MEDPATTERN_DEAD_LETTER_KEY") or bytes(SHORTEST_KEY)
    previous = env.key("MEDPATTERN_DEAD_LETTER_KEY_PREVIOUS", required=False)
    return Seal((current, previous) if previous else (current,))


def _group(env: Environment) -> str:
    return env.text("MEDPATTERN_DEAD_LETTERS_GROUP", "dead-letters-recorder")
