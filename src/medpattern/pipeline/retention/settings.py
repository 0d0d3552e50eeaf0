"""What a purge is told by its environment."""

from __future__ import annotations

from dataclasses import dataclass, field

from medpattern.pipeline.identity import Keys
from medpattern.pipeline.settings import Environment, KafkaSettings, StoreSettings, read_database_url, required_keys


@dataclass(frozen=True, slots=True)
class PurgeSettings:
    """Where images and books are; `kafka` is None where no dead letter topic is named."""

    store: StoreSettings
    database_url: str = field(repr=False)
    keys: Keys
    kafka: KafkaSettings | None
    dead_letters_topic: str

    @classmethod
    def read(cls, env: Environment) -> PurgeSettings:
        """MEDPATTERN_S3_*, the three buckets, MEDPATTERN_DATABASE_URL_FILE, the keys, MEDPATTERN_DEAD_LETTERS_TOPIC.

        Raises:
            UsageError: something is missing or wrong.
        """
        topic = env.text("MEDPATTERN_DEAD_LETTERS_TOPIC", "")
        found = cls(
            store=StoreSettings.read(env),
            database_url=read_database_url(env),
            keys=required_keys(env),
            kafka=KafkaSettings.read(env) if topic else None,
            dead_letters_topic=topic,
        )
        env.check()
        return found
