"""Glyphs: small structures with edges as sharp as only drawn letters have them.

A letter rises from its surroundings within a pixel or two; the edge of a rib or a vessel takes several. So each
candidate (a connected component of a top-hat) is described by its *sharpness*: the step across its outline
(greatest less least value in 3 x 3, root mean square, since half a letter may lie on a bright ground) as a share
of its whole contrast. Text drawn by a machine has 0.7 to 1.0,
anatomy 0.2 to 0.5 at the resolution at which it was digitised; enlarged, blurred text is sharp again at a
coarser level.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from medpattern.pipeline.deidentification.morphology import Components, components, dilate, erode, top_hat

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medpattern.pipeline.deidentification.morphology import Grey, Indices, Mask

# Strokes up to this thickness in pixels of a level are found.
STROKE = 17
LEAST_CONTRAST = 24
HEIGHTS = (3, 64)
LEAST_AREA = 4
# Share of its box that a letter inks at least: '/' and 'L' have little.
LEAST_FILL = 0.08
# Longer than so many times its width, and without a gap on the way: an edge or a line, not a letter.
BAR = 7
# More foreground than this is no text on a film: the threshold is raised until less is left.
MOST_FOREGROUND = 0.12


@dataclass(frozen=True, slots=True, eq=False)
class Glyphs:
    """Candidates of one level and polarity, in that level's pixels; boxes are inclusive.

    contrast: 0 to 255 above the surroundings; sharpness: 0 (no edge) to 1 and a little more (a step);
    across, down: strokes met on the way through the box, mean of its rows and of its columns.
    """

    top: Indices
    left: Indices
    bottom: Indices
    right: Indices
    contrast: NDArray[np.float64]
    sharpness: NDArray[np.float64]
    fill: NDArray[np.float64]
    across: NDArray[np.float64]
    down: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.top)

    def chosen(self, which: Mask) -> Glyphs:
        """Those where `which` is True."""
        return Glyphs(*(getattr(self, name)[which] for name in self.__slots__))

    @property
    def height(self) -> Indices:
        """Rows of each box."""
        return self.bottom - self.top + 1

    @property
    def width(self) -> Indices:
        """Columns of each box."""
        return self.right - self.left + 1


def find_glyphs(grey: Grey) -> list[Glyphs]:
    """Candidates brighter and candidates darker than their surroundings, at a low and at a high threshold.

    The low one finds faint text, the high one parts letters that blur into each other. grey: (H, W) uint8.
    """
    found = []
    steps = dilate(grey, 3) - erode(grey, 3)
    for polarity in (grey, 255 - grey):
        above = top_hat(polarity, STROKE)
        low = _threshold(grey, above)
        found += [_glyphs(above, steps, level) for level in (low, max(2 * low, 80))]
    return found


def _threshold(grey: Grey, above: Grey) -> int:
    """Contrast above which something stands out of the grain: seven standard deviations, or more in a jumble."""
    grain = np.median(np.abs(np.diff(grey[:, ::3].astype(np.int16), axis=0))) / 0.6745 / np.sqrt(2)
    level = max(LEAST_CONTRAST, int(np.ceil(7 * grain)))
    return max(level, int(np.quantile(above[::3, ::3], 1 - MOST_FOREGROUND)) + 1)


def _glyphs(above: Grey, steps: Grey, level: int) -> Glyphs:
    mask = above >= level
    parts = components(mask)
    outline = erode(mask.astype(np.uint8), 3)[parts.rows, parts.columns] == 0
    contrast = np.zeros(len(parts))
    np.maximum.at(contrast, parts.label, above[parts.rows, parts.columns])
    labels = parts.label[outline]
    rim = np.bincount(labels, minlength=len(parts))
    squares = steps[parts.rows[outline], parts.columns[outline]].astype(np.float64) ** 2
    step = np.sqrt(np.bincount(labels, squares, len(parts)) / np.maximum(rim, 1))
    across = _strokes(parts, mask, axis=1) / (parts.bottom - parts.top + 1)
    down = _strokes(parts, mask, axis=0) / (parts.right - parts.left + 1)
    return _letter_sized(parts, contrast, step / np.maximum(contrast, 1), across, down)


def _strokes(parts: Components, mask: Mask, axis: int) -> NDArray[np.intp]:
    """For each component how many runs of foreground begin along the axis."""
    begins = np.diff(mask, axis=axis, prepend=False) & mask
    return np.bincount(parts.label[begins[parts.rows, parts.columns]], minlength=len(parts))


def _letter_sized(parts: Components, *measures: NDArray[np.float64]) -> Glyphs:
    contrast, sharpness, across, down = measures
    fill = parts.area / ((parts.bottom - parts.top + 1) * (parts.right - parts.left + 1))
    every = Glyphs(parts.top, parts.left, parts.bottom, parts.right, contrast, sharpness, fill, across, down)
    short, long = np.minimum(every.height, every.width), np.maximum(every.height, every.width)
    sized = (long >= HEIGHTS[0]) & (short <= HEIGHTS[1]) & (long <= 30 * HEIGHTS[1]) & (parts.area >= LEAST_AREA)
    bar = (long > BAR * short) & (np.minimum(across, down) < 1.3) & (np.maximum(fill, 0.6) * long > HEIGHTS[1] / 2)
    return every.chosen(sized & (fill >= LEAST_FILL) & ~bar)
