"""Lines: glyphs of like height side by side, or one above the other where text runs upwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from medpattern.pipeline.deidentification.morphology import join

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medpattern.pipeline.deidentification.glyphs import Glyphs
    from medpattern.pipeline.deidentification.morphology import Indices

    Numbers = NDArray[np.float64]

# Of two neighbours on a line: ratio of heights, offset of the middles and gap, in heights of the taller one.
RATIO, OFFSET, GAP = 2.2, 0.55, 1.3
# Letters that run into each other count as one for each this many heights of width, if as many strokes are met.
LETTER_WIDTH = 0.8


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """One entry for each line, and in `member` for each glyph the number of its line.

    Boxes are inclusive, in pixels of the level.
    letters: how many glyphs, blobs counted by their length; height: of its tallest glyph, across the line;
    strong: share of the letters that are sharp and high in contrast; contrast, sharpness: medians.
    """

    top: Indices
    left: Indices
    bottom: Indices
    right: Indices
    letters: Numbers
    height: Indices
    strong: Numbers
    contrast: Numbers
    sharpness: Numbers
    fill: Numbers
    member: Indices

    def __len__(self) -> int:
        return len(self.top)


def find_lines(glyphs: Glyphs, strong: NDArray[np.bool_], *, upwards: bool = False) -> Lines:
    """Group glyphs to lines; a glyph alone is a line of one letter. `upwards`: text turned by 90 degrees."""
    first, last, across_first, across_last = (
        (glyphs.top, glyphs.bottom, glyphs.left, glyphs.right)
        if upwards
        else (glyphs.left, glyphs.right, glyphs.top, glyphs.bottom)
    )
    height = across_last - across_first + 1
    group = join(len(glyphs), *_neighbours(first, last, across_first, height))
    strokes = glyphs.down if upwards else glyphs.across
    letters = np.clip((last - first + 1) / (LETTER_WIDTH * height), 1.0, np.maximum(1.0, strokes))
    return _described(glyphs, strong, group, height, np.asarray(letters, np.float64))


def _neighbours(first: Indices, last: Indices, across: Indices, height: Indices) -> tuple[Indices, Indices]:
    """Pairs on one line: along it from `first` to `last`, across it from `across` for `height`."""
    order = np.argsort(first, kind="stable")
    reach = last + GAP * height.max(initial=0)
    end = np.searchsorted(first[order], reach[order], "right")
    count = np.maximum(end - np.arange(len(order)) - 1, 0)
    one = np.repeat(np.arange(len(order)), count)
    other = one + 1 + np.arange(len(one)) - np.repeat(np.cumsum(count) - count, count)
    one, other = order[one], order[other]
    tall = np.maximum(height[one], height[other])
    short = np.minimum(height[one], height[other])
    offset = np.abs(across[one] + height[one] / 2 - across[other] - height[other] / 2)
    near = (tall <= RATIO * short) & (offset <= OFFSET * tall) & (first[other] - last[one] <= GAP * tall)
    return one[near], other[near]


def _described(glyphs: Glyphs, strong: NDArray[np.bool_], group: Indices, height: Indices, letters: Numbers) -> Lines:
    count = int(group.max()) + 1 if len(group) else 0
    total = np.bincount(group, letters, count)

    def mean(values: Numbers) -> Numbers:
        return np.asarray(np.bincount(group, values * letters, count) / total, np.float64)

    def extreme(best: np.ufunc, start: int, values: Indices) -> Indices:
        result = np.full(count, start, np.intp)
        best.at(result, group, values)
        return result

    return Lines(
        top=extreme(np.minimum, 1 << 40, glyphs.top),
        left=extreme(np.minimum, 1 << 40, glyphs.left),
        bottom=extreme(np.maximum, -1, glyphs.bottom),
        right=extreme(np.maximum, -1, glyphs.right),
        letters=np.asarray(total, np.float64),
        height=extreme(np.maximum, 0, height),
        strong=mean(strong.astype(np.float64)),
        contrast=mean(glyphs.contrast),
        sharpness=mean(glyphs.sharpness),
        fill=mean(glyphs.fill),
        member=group,
    )
