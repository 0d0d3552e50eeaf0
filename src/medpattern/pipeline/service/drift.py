"""How the films of this site are spread, beside the films of the training that the model's card tells of.

Each new film counts into one bin of each statistic; the bins are those of the card's reference. Prometheus makes the
index over all pods and days of these counts (charts/monitoring); the index here is of this process alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from threading import Lock

from prometheus_client import Counter, Gauge

from medpattern.pipeline.model.card import Reference
from medpattern.pipeline.model.statistics import bin_of, expected_shares, stability_index

# With ten bins 200 times the index is about chi-square with 9 degrees of freedom while nothing has changed: chance
# alone passes 0.2 in fewer than one of 100,000 windows.
LEAST_FILMS = 200
WINDOW = 1000

FILMS = Counter(
    "medpattern_films_in_bin_total",
    "New results of films that are neither simulated nor backfilled, by the reference's bin of a statistic.",
    ["model", "statistic", "bin"],
)
REFERENCE = Gauge(
    "medpattern_reference_share",
    "Share of the training films in a bin of a statistic: above its lower edge, up to its upper one.",
    ["model", "statistic", "bin", "above", "up_to"],
)
INDEX = Gauge(
    "medpattern_population_stability_index",
    f"Index of the last {WINDOW} films of this process against the training films; there from {LEAST_FILMS} films on.",
    ["model", "statistic"],
)


class Drift:
    """Counts films against a card's references. Safe to share between threads."""

    def __init__(self, model_sha256: str = "", references: Mapping[str, Reference] | None = None) -> None:
        """`model_sha256`, hexadecimal, names the model in the metrics; without `references` nothing is counted."""
        self._model = model_sha256[:12]
        self._windows = {name: _Window(self._model, name, found) for name, found in (references or {}).items()}

    def count(self, values: Mapping[str, float | None]) -> None:
        """Counts a film by its statistics; one that is None, or that the card has no reference for, is left out."""
        for name, value in values.items():
            if value is not None and name in self._windows:
                self._windows[name].count(value)


class _Window:
    """The last films by one statistic."""

    def __init__(self, model: str, name: str, reference: Reference) -> None:
        self._reference = reference
        self._lock = Lock()
        self._bins: deque[int] = deque(maxlen=WINDOW)
        self._counts = [0] * len(reference.shares)
        self._labels = model, name
        # All bins begin at zero: Prometheus cannot see the first step of a series that begins at 1.
        self._films = [FILMS.labels(model, name, str(index)) for index in range(len(self._counts))]
        for index, share in enumerate(expected_shares(reference)):
            above, up_to = _bounds(index, reference)
            REFERENCE.labels(model, name, str(index), above, up_to).set(share)

    def count(self, value: float) -> None:
        index = bin_of(value, self._reference)
        self._films[index].inc()
        with self._lock:
            if len(self._bins) == WINDOW:
                self._counts[self._bins[0]] -= 1
            self._bins.append(index)
            self._counts[index] += 1
            if len(self._bins) >= LEAST_FILMS:
                INDEX.labels(*self._labels).set(stability_index(self._counts, self._reference))


def _bounds(index: int, reference: Reference) -> tuple[str, str]:
    """A bin's edges in words; the outermost bins are open."""
    last = len(reference.shares) - 1
    above = "-Inf" if index == 0 else f"{reference.edges[index]:.4g}"
    return above, "+Inf" if index == last else f"{reference.edges[index + 1]:.4g}"
