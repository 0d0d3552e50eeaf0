"""Films through the service's own path: decode, prepare, one model on one thread, in a fixed order."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np

from medpattern.evaluation.film import DataError, Film, contract_for
from medpattern.evaluation.scores import ScoreRow, ScoreTable, rounded
from medpattern.pipeline.failures import Unprocessable
from medpattern.pipeline.images import decode, prepare

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from medpattern.pipeline.images import Radiograph
    from medpattern.pipeline.model import Predictor, Scores

    Progress = Callable[[int, int, str], None]

BURNED_IN_SEED = 0
WARM_UPS = 5


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds a film took on this machine, one thread, one film at a time: the median and the 95th percentile.

    `whole` is from a file's bytes to its scores, `network` the model alone.
    """

    whole_median: float
    whole_p95: float
    network_median: float
    network_p95: float


@dataclass(frozen=True, slots=True)
class Scored:
    """Scores of a set, and how long a film took (None without films)."""

    table: ScoreTable
    latency: Latency | None


def score_films(
    predictor: Predictor,
    films: Sequence[Film],
    name: str,
    *,
    read: Callable[[Film], bytes] | None = None,
    progress: Progress | None = None,
) -> Scored:
    """The scores of `films` as the set `name`, in their order, rounded as a table keeps them.

    `read` gives another file in a film's place (default: its own); `progress` is told (done, all, film). Load the
    predictor with one thread: the scores then repeat to the digit on one machine. Raises DataError for a film that
    cannot be decoded or scored.
    """
    rows, times = [], []
    for index, film in enumerate(films):
        if progress is not None:
            progress(index, len(films), film.name)
        data = film.read() if read is None else read(film)
        scores, whole, network = _timed(predictor, film, data)
        gate = None if scores.gate is None else rounded(scores.gate)
        rows.append(ScoreRow(name, film.name, film.patient, film.subtype, film.pneumonia, rounded(scores.score), gate))
        times.append((whole, network))
    return Scored(ScoreTable(tuple(rows)), _latency(times))


def with_names(film: Film) -> bytes:
    """The film as a PNG with the name and number of an invented patient burned in at one of its corners.

    Which corner, and whose name, hang on the film's own name alone.
    """
    from medpattern.evaluation.alterations import with_text
    from medpattern.evaluation.filmfiles import as_png, eight_bits
    from medpattern.pipeline.simulation.burned_in import CORNERS

    rng = np.random.default_rng([BURNED_IN_SEED, crc32(film.name.encode())])
    corner = CORNERS[int(rng.integers(len(CORNERS)))]
    return as_png(with_text(eight_bits(_decoded(film, film.read(), None)), rng, corner))


def _timed(predictor: Predictor, film: Film, data: bytes) -> tuple[Scores, float, float]:
    """The scores, seconds of the whole, seconds of the network."""
    contract = contract_for(film, predictor.card.input)
    began = perf_counter()
    radiograph = _decoded(film, data, contract.smallest_side)
    batch = prepare(radiograph, contract)
    prepared = perf_counter()
    try:
        (scores,) = predictor.score(batch)
    except Unprocessable as error:
        raise DataError(f"{film.name} cannot be scored: {error}") from error
    ended = perf_counter()
    return scores, ended - began, ended - prepared


def _decoded(film: Film, data: bytes, smallest_side: int | None) -> Radiograph:
    try:
        return decode(data, smallest_side=smallest_side)
    except Unprocessable as error:
        raise DataError(f"{film.name} cannot be decoded: {error}") from error


def _latency(times: list[tuple[float, float]]) -> Latency | None:
    """Without the first few films, which pay for what is loaded once."""
    counted = np.array(times[WARM_UPS:] or times).reshape(-1, 2) * 1000
    if not len(counted):
        return None
    (whole_median, network_median), (whole_p95, network_p95) = np.percentile(counted, [50, 95], axis=0).tolist()
    return Latency(whole_median, whole_p95, network_median, network_p95)
