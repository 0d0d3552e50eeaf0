"""What Prometheus is told of images without outcome, through node-exporter's textfile collector."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from medpattern.errors import UsageError
from medpattern.pipeline.backfill.missing import Missing


def write_metrics(path: Path, found: Mapping[str, Missing]) -> None:
    """Writes the numbers of each bucket to `path`, which is replaced in one step.

    Raises:
        UsageError: the file cannot be written.
    """
    from prometheus_client import CollectorRegistry, Gauge, write_to_textfile

    registry = CollectorRegistry()
    count = Gauge(
        "medpattern_images_without_outcome", "Stored images without an outcome.", ["bucket"], registry=registry
    )
    oldest = Gauge(
        "medpattern_oldest_image_without_outcome_seconds", "Age of the oldest.", ["bucket"], registry=registry
    )
    looked = Gauge("medpattern_images_without_outcome_time_seconds", "When they were counted.", registry=registry)
    for bucket, numbers in found.items():
        count.labels(bucket).set(numbers.count)
        oldest.labels(bucket).set(numbers.oldest_seconds)
    looked.set_to_current_time()
    try:
        write_to_textfile(str(path), registry)
    except OSError as problem:
        raise UsageError(f"cannot write {path}: {problem.strerror}") from None
