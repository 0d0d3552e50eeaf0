"""Grey morphology and connected components on numpy alone, fast enough for films of 16 million pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Grey = NDArray[np.uint8]
    Mask = NDArray[np.bool_]
    Indices = NDArray[np.intp]


def erode(grey: Grey, size: int) -> Grey:
    """Least value in the size x size window around each pixel (`size` odd), the window cut at the edges."""
    return _windowed(grey, size, np.minimum, 255)


def dilate(grey: Grey, size: int) -> Grey:
    """Greatest value in the size x size window around each pixel (`size` odd), the window cut at the edges."""
    return _windowed(grey, size, np.maximum, 0)


def top_hat(grey: Grey, size: int) -> Grey:
    """How far each pixel stands above its opening: bright structures thinner than `size` pixels."""
    return np.asarray(grey - dilate(erode(grey, size), size), np.uint8)


def _windowed(grey: Grey, size: int, best: np.ufunc, neutral: int) -> Grey:
    """Extreme over size x size pixels, rows then columns, by windows that double: log2(size) passes for each."""
    half = size // 2
    work = np.full((grey.shape[0] + 2 * half, grey.shape[1] + 2 * half), neutral, np.uint8)
    work[half : half + grey.shape[0], half : half + grey.shape[1]] = grey
    for step in _steps(size):
        work = best(work[:-step], work[step:])
    for step in _steps(size):
        work = best(work[:, :-step], work[:, step:])
    return work


def _steps(size: int) -> list[int]:
    """Shifts that make a window of `size` out of single pixels: 5 gives 1, 2, 1."""
    steps, reach = [], 1
    while reach < size:
        steps.append(min(reach, size - reach))
        reach += steps[-1]
    return steps


@dataclass(frozen=True, slots=True, eq=False)
class Components:
    """8-connected components of a mask.

    top, left, bottom, right: inclusive boxes; area: pixels; rows, columns: of all foreground pixels, with the
    number of each one's component in `label`.
    """

    top: Indices
    left: Indices
    bottom: Indices
    right: Indices
    area: Indices
    rows: Indices
    columns: Indices
    label: Indices

    def __len__(self) -> int:
        return len(self.area)


def components(mask: Mask) -> Components:
    """Label a mask by its runs of foreground pixels, numbered in reading order of their first run."""
    width = mask.shape[1]
    pitch = width + 2
    padded = np.zeros((mask.shape[0], pitch), np.bool_)
    padded[:, 1:-1] = mask
    edges = np.flatnonzero(np.diff(padded.ravel(), prepend=False))
    starts, ends = edges[0::2], edges[1::2] - 1
    lower = np.searchsorted(ends, starts + pitch - 1)
    upper = np.searchsorted(starts, ends + pitch + 1, "right")
    touching = np.maximum(upper - lower, 0)
    above = np.repeat(np.arange(len(starts)), touching)
    offset = np.arange(len(above)) - np.repeat(np.cumsum(touching) - touching, touching)
    run_label = join(len(starts), above, np.repeat(lower, touching) + offset)
    return _described(starts, ends, run_label, pitch)


def join(count: int, first: Indices, second: Indices) -> Indices:
    """Number 0.. of the group each of `count` things is in, where first[i] and second[i] belong together."""
    parent = np.arange(count)
    while True:
        one, other = parent[first], parent[second]
        apart = one != other
        if not apart.any():
            return np.asarray(np.unique(parent, return_inverse=True)[1], np.intp)
        np.minimum.at(parent, np.maximum(one, other)[apart], np.minimum(one, other)[apart])
        while not np.array_equal(parent, parent[parent]):
            parent = parent[parent]


def _described(starts: Indices, ends: Indices, run_label: Indices, pitch: int) -> Components:
    count = int(run_label.max()) + 1 if len(run_label) else 0
    row, left, right = starts // pitch, starts % pitch - 1, ends % pitch - 1
    length = ends - starts + 1
    offset = np.arange(int(length.sum())) - np.repeat(np.cumsum(length) - length, length)
    return Components(
        top=_extreme(np.minimum, run_label, row, count),
        left=_extreme(np.minimum, run_label, left, count),
        bottom=_extreme(np.maximum, run_label, row, count),
        right=_extreme(np.maximum, run_label, right, count),
        area=np.bincount(run_label, length, count).astype(np.intp),
        rows=np.repeat(row, length),
        columns=np.repeat(left, length) + offset,
        label=np.repeat(run_label, length),
    )


def _extreme(best: np.ufunc, label: Indices, value: Indices, count: int) -> Indices:
    result = np.full(count, np.iinfo(np.intp).max if best is np.minimum else -1, np.intp)
    best.at(result, label, value)
    return result
