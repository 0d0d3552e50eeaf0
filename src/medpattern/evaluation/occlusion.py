"""Where on a film a model looks: the change of its answer when a place is blurred, from the ONNX file alone.

Zeiler, Fergus: Visualizing and Understanding Convolutional Networks (ECCV 2014), section 4.2, with two changes. A patch
is filled with the local mean, not with one grey, since a grey square is itself a thing to be seen. Its edges are soft,
since hard ones are too; so the map comes out smooth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from medpattern.evaluation.bootstrap import Bootstrap, Figure, figure
from medpattern.evaluation.film import DataError, contract_for
from medpattern.pipeline.failures import Unprocessable
from medpattern.pipeline.images import decode, prepare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from medpattern.evaluation.film import Film
    from medpattern.pipeline.model import Predictor, Scores

    Planes = NDArray[np.float32]
    Map = NDArray[np.float64]
    Progress = Callable[[int, int, str], None]

# Widths of the patches, as shares of the input's side; the next patch lies a third of a width further.
PATCHES = (0.2, 0.34)
STEPS_A_PATCH = 3
BATCH = 32
# Scores so close to 0 or 1 that their log odds say nothing more.
CERTAIN = 1e-6
# The part of each side that holds the lungs of a frontal film.
CENTRE = 0.70


@dataclass(frozen=True, slots=True, eq=False)
class Occlusion:
    """What blurring does to the score of one film.

    `values`: (height, width) of the model's input; by how much the log odds of pneumonia fall when the place is
    blurred. Above 0 what is seen there speaks for pneumonia, below 0 against it. `scores`: of the film as it is.
    """

    values: Map
    scores: Scores


def occlusion(predictor: Predictor, planes: Planes) -> Occlusion:
    """The occlusion map of one film, float32 of shape (1, channels, height, width) as prepare() makes it.

    Costs about 400 inferences. Raises Unprocessable where the model gives no number.
    """
    (plain,) = predictor.score(planes)
    maps = [_one_size(predictor, planes, _log_odds(plain), share) for share in PATCHES]
    return Occlusion(np.mean(maps, axis=0), plain)


def _one_size(predictor: Predictor, planes: Planes, plain: float, share: float) -> Map:
    """(height, width): each place's mean fall over the patches that cover it, by how much they do."""
    height, width = planes.shape[2:]
    background = _local_means(planes[0], share)
    falls, covers = np.zeros((height, width)), np.zeros((height, width))
    for patches in _batches(list(_patches(height, width, share))):
        occluded = planes * (1 - patches[:, None]) + background * patches[:, None]
        scores = predictor.score(occluded.astype(np.float32))
        fall = np.array([plain - _log_odds(one) for one in scores])
        falls += np.tensordot(fall, patches, 1)
        covers += patches.sum(axis=0)
    mean: Map = falls / np.maximum(covers, 1e-9)
    return mean


def _log_odds(scores: Scores) -> float:
    score = min(max(scores.score, CERTAIN), 1 - CERTAIN)
    return float(np.log(score / (1 - score)))


def _patches(height: int, width: int, share: float) -> Iterator[Planes]:
    """(height, width) each, 0 to 1: raised cosines whose centres lie from edge to edge, so that edges count as much."""
    for row in _bells(height, share):
        for column in _bells(width, share):
            yield row[:, None] * column[None, :]


def _bells(length: int, share: float) -> list[Planes]:
    half = share * length / 2
    count = round(length * STEPS_A_PATCH / (2 * half)) + 1
    places = np.arange(length) + 0.5
    return [
        np.where(np.abs(places - centre) < half, 0.5 + 0.5 * np.cos(np.pi * (places - centre) / half), 0).astype(
            np.float32
        )
        for centre in np.linspace(0, length, count)
    ]


def _batches(patches: list[Planes]) -> Iterator[Planes]:
    for begin in range(0, len(patches), BATCH):
        yield np.stack(patches[begin : begin + BATCH])


def _local_means(channels: Planes, share: float) -> Planes:
    """The film without anything as small as a patch: Gaussian means, their deviation half a patch's width."""
    height, width = channels.shape[1:]
    return np.asarray(_smoothing(height, share) @ channels @ _smoothing(width, share).T, np.float32)


def _smoothing(length: int, share: float) -> Planes:
    """(length, length): rows of Gaussian weights; at the edges over what there is."""
    distance = np.subtract.outer(np.arange(length), np.arange(length)) / (share * length / 2)
    weights = np.exp(-(distance**2) / 2)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)


def share_in_centre(values: NDArray[Any], share: float = CENTRE) -> float | None:
    """The share of the absolute attribution inside the central `share` of each side; None where there is none.

    Pixels that the border of the centre cuts count by the part inside. An even map gives share squared (0.49).
    """
    height, width = values.shape
    weights = np.abs(values)
    total = float(weights.sum())
    if total <= 0:
        return None
    inside = _within_centre(height, share)[:, None] * _within_centre(width, share)[None, :]
    return float((weights * inside).sum() / total)


def _within_centre(length: int, share: float) -> Map:
    """(length,): how much of each pixel lies in the centre, 0 to 1."""
    low, high = (1 - share) / 2 * length, (1 + share) / 2 * length
    edges = np.arange(length + 1)
    within: Map = np.clip(np.minimum(edges[1:], high) - np.maximum(edges[:-1], low), 0, 1)
    return within


@dataclass(frozen=True, slots=True)
class CentreShare:
    """`share_in_centre` over many films: its mean with a 95 % interval by patient; films without any attribution."""

    films: int
    mean: Figure
    without: int


def centre_share(predictor: Predictor, films: Sequence[Film], progress: Progress | None = None) -> CentreShare:
    """The mean share of attribution in the centre of `films`; `progress` is told (done, all, film).

    Raises DataError for a film that cannot be decoded or scored.
    """
    shares, patients = [], []
    for index, film in enumerate(films):
        if progress is not None:
            progress(index, len(films), film.name)
        share = share_in_centre(_of(predictor, film).values)
        if share is not None:
            shares.append(share)
            patients.append(film.patient)
    values = np.array(shares)
    samples = Bootstrap(patients).ratios(values, np.ones(len(values)))
    return CentreShare(len(films), figure(float(values.mean()) if shares else None, samples), len(films) - len(shares))


def _of(predictor: Predictor, film: Film) -> Occlusion:
    contract = contract_for(film, predictor.card.input)
    try:
        return occlusion(predictor, prepare(decode(film.read(), smallest_side=contract.smallest_side), contract))
    except Unprocessable as error:
        raise DataError(f"{film.name} cannot be scored: {error}") from error
