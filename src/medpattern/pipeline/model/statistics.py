"""How films look in numbers, and how far they have moved from those of the training.

One definition for both sides: the exporter writes the reference of the training films into the card, the service
counts its own films into the same bins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from medpattern.pipeline.model.card import Reference

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

# Statistics of the input alone, and those that are the model's answer.
OF_INPUT = ("brightness", "contrast", "sharpness")
OF_ANSWER = ("score", "gate")

# A bin that held nothing would make the index infinite: each counts half an image more (Jeffreys' prior), and no
# reference share is taken for less than this.
ADDED_IMAGES = 0.5
LEAST_SHARE = 0.001


def statistics(planes: NDArray[np.float32]) -> Mapping[str, float]:
    """The statistics `OF_INPUT` of one prepared image, float32 of shape (1, channels, height, width).

    All are in the units of the input contract, after its scaling, over all channels: `brightness` the mean,
    `contrast` the standard deviation, `sharpness` the mean absolute Laplacian of the four neighbours without the
    outermost pixels. Height and width are at least 3. Raises ValueError for another shape.
    """
    if planes.ndim != 4 or len(planes) != 1 or min(planes.shape[2:]) < 3:
        raise ValueError(f"one image of (1, channels, height, width), 3 x 3 or larger, not {planes.shape}")
    around = planes[..., :-2, 1:-1] + planes[..., 2:, 1:-1] + planes[..., 1:-1, :-2] + planes[..., 1:-1, 2:]
    laplacian = 4 * planes[..., 1:-1, 1:-1] - around
    return {
        "brightness": float(planes.mean(dtype=np.float64)),
        "contrast": float(planes.std(dtype=np.float64)),
        "sharpness": float(np.abs(laplacian).mean(dtype=np.float64)),
    }


def reference(values: ArrayLike, bins: int = 10) -> Reference:
    """How `values`, one of each training film, are spread: `bins` bins that hold about as many each.

    The edges are quantiles, the first the least value and the last the greatest; where many values are equal there
    are fewer bins. Raises ValueError if a value is not finite or fewer than two differ.
    """
    numbers = np.asarray(values, np.float64).ravel()
    if not np.isfinite(numbers).all():
        raise ValueError("a statistic of a training film is no number")
    # Edges are values that occur, so that no bin between two of them is empty.
    edges = np.unique(np.quantile(numbers, np.linspace(0, 1, bins + 1), method="lower")) if numbers.size else numbers
    if len(edges) < 2:
        raise ValueError("a reference needs values of which two differ")
    counts = np.bincount(np.searchsorted(edges[1:-1], numbers, side="left"), minlength=len(edges) - 1)
    return Reference(tuple(map(float, edges)), tuple(map(float, counts / numbers.size)))


def bin_of(value: float, spread: Reference) -> int:
    """The bin of `spread` that holds `value`: above its lower edge, up to its upper one, the outermost ones open."""
    return int(np.searchsorted(spread.edges[1:-1], value, side="left"))


def expected_shares(spread: Reference) -> tuple[float, ...]:
    """The reference's shares as the index takes them: none below LEAST_SHARE, 1 in sum."""
    raised = [max(share, LEAST_SHARE) for share in spread.shares]
    return tuple(share / sum(raised) for share in raised)


def stability_index(counts: Sequence[int], spread: Reference) -> float:
    """The population stability index of `counts`, images in each of the reference's bins; 0 for the same spread.

    Sum over bins of (p - q) ln(p / q) with the shares p of the images and q of the reference: Kullback and Leibler,
    On information and sufficiency, Annals of Mathematical Statistics 22 (1951), their divergence J; as an index of
    stability Siddiqi, Credit Risk Scorecards (2006). Chance alone gives (bins - 1) / images on average while the
    reference holds many more (Yurdakul, Statistical Properties of Population Stability Index, 2018).
    """
    if len(counts) != len(spread.shares):
        raise ValueError(f"{len(counts)} counts for {len(spread.shares)} bins")
    smoothed = np.asarray(counts, np.float64) + ADDED_IMAGES
    found, expected = smoothed / smoothed.sum(), np.asarray(expected_shares(spread))
    return float(((found - expected) * np.log(found / expected)).sum())
