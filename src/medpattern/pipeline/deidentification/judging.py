"""Which lines are text, and which may be: the thresholds, set on phantoms and looked at on real films."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from medpattern.pipeline.deidentification.lines import Lines
    from medpattern.pipeline.deidentification.morphology import Mask


@dataclass(frozen=True, slots=True)
class Heights:
    """Least heights of capitals, in pixels of a level."""

    line: int
    marker: int


FINEST, COARSER = Heights(5, 7), Heights(10, 16)
# Fewer letters than this are a marker, more a line.
LINE = 3


def judge(lines: Lines, shape: tuple[int, ...], *, finest: bool, upwards: bool) -> tuple[Mask, Mask]:
    """Which lines are text, and which may be but are not sure.

    At a coarser level only what the finer one was too blurred for; upwards only what is longer than the
    crossings of ribs and the row of vertebrae, and no single letters: those were seen the other way round.
    """
    least = FINEST if finest else COARSER
    sized = lines.height >= least.line
    enough = 5 if upwards else LINE
    text = (lines.letters >= enough) & (lines.strong >= 0.6) & sized
    if not upwards:
        text |= (
            (lines.letters < LINE) & (lines.strong >= 0.9) & (lines.height >= least.marker) & _marker_like(lines, shape)
        )
    doubtful = (lines.letters > enough) & (lines.strong >= (0.45 if finest else 0.5)) & sized
    return text, doubtful & ~text


def _marker_like(lines: Lines, shape: tuple[int, ...]) -> Mask:
    """One or two letters as sharp and thin as side markers are, not in the middle of the film.

    Beside the ribs, whose ends look alike, they have to be brighter than in a corner.
    """
    width = lines.right - lines.left + 1
    middle_x = (lines.left + lines.right) / 2 / shape[1]
    middle_y = (lines.top + lines.bottom) / 2 / shape[0]
    outside = (np.abs(middle_x - 0.5) > 0.28) | (np.abs(middle_y - 0.5) > 0.38)
    corner = (np.abs(middle_x - 0.5) > 0.28) & (np.abs(middle_y - 0.5) > 0.34)
    least = np.where(corner, np.where(lines.height >= 12, 44, 64), 90)
    thin = (lines.contrast >= least) & (lines.sharpness >= 0.7) & (lines.fill < 0.6)
    bright = (lines.contrast >= 110) & (lines.sharpness >= 0.65) & (lines.fill < 0.9)
    return outside & (thin | bright) & (width <= 2.2 * lines.height)
