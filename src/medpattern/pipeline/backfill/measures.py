"""What Prometheus is told of images without outcome: by a port, or by node-exporter's textfile collector."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from prometheus_client import REGISTRY, CollectorRegistry, Gauge

from medpattern.errors import UsageError
from medpattern.pipeline.backfill.missing import Missing


class Measures:
    """The numbers of each bucket, in `registry`: one of these for a registry."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self._count = Gauge(
            "medpattern_images_without_outcome", "Stored images without an outcome.", ["bucket"], registry=registry
        )
        self._oldest = Gauge(
            "medpattern_oldest_image_without_outcome_seconds", "Age of the oldest.", ["bucket"], registry=registry
        )
        self._looked = Gauge(
            "medpattern_images_without_outcome_time_seconds", "When they were counted.", registry=registry
        )

    def tell(self, found: Mapping[str, Missing]) -> None:
        """Takes the numbers that were just counted."""
        for bucket, numbers in found.items():
            self._count.labels(bucket).set(numbers.count)
            self._oldest.labels(bucket).set(numbers.oldest_seconds)
        self._looked.set_to_current_time()


def write_metrics(path: Path, found: Mapping[str, Missing]) -> None:
    """Writes the numbers of each bucket to `path`, which is replaced in one step.

    Raises:
        UsageError: the file cannot be written.
    """
    from prometheus_client import write_to_textfile

    registry = CollectorRegistry()
    Measures(registry).tell(found)
    try:
        write_to_textfile(str(path), registry)
    except OSError as problem:
        raise UsageError(f"cannot write {path}: {problem.strerror}") from None
