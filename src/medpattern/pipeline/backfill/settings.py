"""What a backfill is told by its environment."""

from __future__ import annotations

from dataclasses import dataclass, field

from medpattern.errors import UsageError
from medpattern.pipeline.identity import Keys
from medpattern.pipeline.settings import Environment, KafkaSettings, StoreSettings, read_database_url, required_keys


@dataclass(frozen=True, slots=True)
class BackfillSettings:
    """Where images lie, where their outcomes stand, and where events go; `kafka` None: nowhere."""

    store: StoreSettings
    database_url: str = field(repr=False)
    keys: Keys
    kafka: KafkaSettings | None

    @classmethod
    def read(cls, env: Environment, *, publish: bool) -> BackfillSettings:
        """MEDPATTERN_S3_*, MEDPATTERN_SOURCE_BUCKET, MEDPATTERN_DATABASE_URL_FILE, the keys, MEDPATTERN_KAFKA_*.

        Raises:
            UsageError: something is missing or wrong.
        """
        found = cls(
            store=StoreSettings.read(env, outputs=False),
            database_url=read_database_url(env),
            keys=required_keys(env),
            kafka=KafkaSettings.read(env) if publish else None,
        )
        env.check()
        return found

    def places(self, where: str) -> list[tuple[str, str]]:
        """Bucket and prefix of `where`, BUCKET[/PREFIX]; all declared buckets for "".

        Raises:
            UsageError: the bucket is none of MEDPATTERN_SOURCE_BUCKET, whose events the service would ignore.
        """
        if not where:
            return [(bucket, "") for bucket in self.store.sources]
        bucket, _, prefix = where.partition("/")
        if bucket not in self.store.sources:
            declared = ", ".join(self.store.sources)
            raise UsageError(f"{bucket!r} is no declared source: MEDPATTERN_SOURCE_BUCKET names {declared}")
        return [(bucket, prefix)]
