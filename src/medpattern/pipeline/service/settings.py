"""What the service is told by its environment."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from medpattern.pipeline.events.notifications import KeyForm
from medpattern.pipeline.identity import Keys
from medpattern.pipeline.images.radiograph import MEBIBYTE, Limits
from medpattern.pipeline.model.assessment import AssessmentSettings
from medpattern.pipeline.settings import Environment, KafkaSettings, StoreSettings, read_database_url, required_keys


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """Which model, and how its scores are read. `path` None: the one that is shipped."""

    path: Path | None
    sha256: str
    threads: int
    assessment: AssessmentSettings
    limits: Limits

    @classmethod
    def read(cls, env: Environment) -> ModelSettings:
        """MEDPATTERN_MODEL*, _OPERATING_POINT, _PREVALENCE, _DEMAND, _MOST_MEGAPIXELS and _MOST_MEBIBYTES."""
        pixels = env.integer("MEDPATTERN_MOST_MEGAPIXELS", 50, 1, 1000) * 1_000_000
        size = env.integer("MEDPATTERN_MOST_MEBIBYTES", 64, 1, 1024) * MEBIBYTE
        return cls(
            path=env.file("MEDPATTERN_MODEL", ""),
            sha256=env.text("MEDPATTERN_MODEL_SHA256", ""),
            threads=env.integer("MEDPATTERN_MODEL_THREADS", 1, 1, 256),
            assessment=_assessment(env),
            limits=Limits(size, pixels),
        )


def _assessment(env: Environment) -> AssessmentSettings:
    prevalence = env.number("MEDPATTERN_PREVALENCE", 0, 0, 1)
    demanded = frozenset(env.texts("MEDPATTERN_DEMAND", ""))
    try:
        return AssessmentSettings(
            operating_point=env.text("MEDPATTERN_OPERATING_POINT", "") or None,
            prevalence=prevalence or None,
            demanded=demanded,  # type: ignore[arg-type]
        )
    except ValueError as problem:
        env.problem(f"MEDPATTERN_PREVALENCE or MEDPATTERN_DEMAND: {problem}")
        return AssessmentSettings()


@dataclass(frozen=True, slots=True)
class Simulation:
    """Which objects may count as simulated: those in `buckets` that carry a mark made with `key`."""

    allowed: bool = False
    buckets: tuple[str, ...] = ()
    key: bytes = field(default=b"", repr=False)

    @classmethod
    def read(cls, env: Environment) -> Simulation:
        """MEDPATTERN_ALLOW_SIMULATED, MEDPATTERN_SIMULATED_BUCKETS, MEDPATTERN_SIMULATOR_KEY_FILE."""
        if not env.flag("MEDPATTERN_ALLOW_SIMULATED"):
            return cls()
        return cls(True, env.texts("MEDPATTERN_SIMULATED_BUCKETS"), env.key("MEDPATTERN_SIMULATOR_KEY"))


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """All of it. `token` "" closes the prediction paths of the AI Library unless `open_predictions`."""

    model: ModelSettings
    store: StoreSettings
    kafka: KafkaSettings
    results_topic: str
    database_url: str = field(repr=False)
    keys: Keys
    key_form: KeyForm
    concurrency: int
    lease_seconds: int
    simulation: Simulation
    token: str = field(repr=False)
    most_event_bytes: int

    @classmethod
    def read(cls, env: Environment) -> ServiceSettings:
        """The settings, all problems at once.

        Raises:
            UsageError: something is missing or wrong.
        """
        found = cls(
            model=ModelSettings.read(env),
            store=StoreSettings.read(env),
            kafka=KafkaSettings.read(env),
            results_topic=env.text("MEDPATTERN_RESULTS_TOPIC"),
            database_url=read_database_url(env),
            keys=required_keys(env),
            key_form=env.choice("MEDPATTERN_EVENT_KEYS", KeyForm.AUTO),
            # Knative's 0 sets no limit; here the processors are one.
            concurrency=env.integer("MEDPATTERN_CONCURRENCY", 2, 0, 1000) or os.cpu_count() or 1,
            lease_seconds=env.integer("MEDPATTERN_LEASE_SECONDS", 20, 5, 600),
            simulation=Simulation.read(env),
            token=env.secret("MEDPATTERN_PREDICTION_TOKEN", ""),
            most_event_bytes=env.integer("MEDPATTERN_MOST_EVENT_BYTES", MEBIBYTE, 1024, 64 * MEBIBYTE),
        )
        env.check()
        return found
