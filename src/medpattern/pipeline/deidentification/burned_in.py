"""A first remover of burned-in text: finds drawn letters by their sharp edges and fills their lines with black.

Conservative: what is text is filled, what may be text is quarantined. docs/deidentification.md has its figures
and what it cannot do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from medpattern.pipeline.deidentification.glyphs import Glyphs, find_glyphs
from medpattern.pipeline.deidentification.interface import Deidentified, Reason, Verdict
from medpattern.pipeline.deidentification.lines import Lines, find_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from medpattern.pipeline.deidentification.interface import Film
    from medpattern.pipeline.deidentification.morphology import Grey, Mask

# Shorter sides cannot be judged: their letters have too few pixels.
SMALLEST_SIDE = 64
# Levels of half the size each, until the longer side is at most this; larger films begin with their half.
COARSEST_SIDE, FINEST_SIDE = 400, 2600
# A level with more candidates is noise or a printed page.
MOST_GLYPHS = 6000
# A narrower range of grey than this share of the whole gets a look of its own, stretched.
NARROW = 0.4
# What counts as a candidate, and what as a strong one (glyphs.py: 0 to 255, and 0 to about 1).
WEAK_CONTRAST, WEAK_SHARPNESS = 28, 0.45
STRONG_CONTRAST, STRONG_SHARPNESS = 40, 0.6


@dataclass(frozen=True, slots=True)
class Heights:
    """Least heights of capitals, in pixels of a level."""

    line: int
    marker: int


FINEST, COARSER = Heights(5, 7), Heights(10, 16)
# Margins around a letter, in heights of its line.
ALONG, ACROSS = 0.9, 0.4


@dataclass(frozen=True, slots=True)
class Box:
    """Half-open, in pixels of the film."""

    top: int
    left: int
    bottom: int
    right: int


class BurnedInTextRemover:
    """Deidentifier without state; most_filled: share of the film beyond which it is quarantined instead."""

    def __init__(self, most_filled: float = 0.25) -> None:
        self.most_filled = most_filled

    def deidentify(self, pixels: Film, declared_burned_in: bool | None = None) -> Deidentified:
        """See interface.Deidentifier. About 0.2 s CPU for a film of 4 million pixels."""
        mask = np.zeros(pixels.shape, np.bool_)
        if min(pixels.shape) < SMALLEST_SIDE:
            return Deidentified(pixels.copy(), mask, Verdict.QUARANTINE, Reason.UNREADABLE)
        doubtful: list[Box] = []
        try:
            for grey in _looks(pixels):
                for text, box in _findings(grey):
                    if text:
                        mask[box.top : box.bottom, box.left : box.right] = True
                    else:
                        doubtful.append(box)
        except _TooManyGlyphsError:
            return Deidentified(pixels.copy(), mask, Verdict.QUARANTINE, Reason.UNREADABLE)
        filled = pixels.copy()
        filled[mask] = 0
        verdict, reason = self._judge(mask, doubtful, declared_burned_in)
        return Deidentified(filled, mask, verdict, reason)

    def _judge(self, mask: Mask, doubtful: list[Box], declared: bool | None) -> tuple[Verdict, Reason]:
        share = float(mask.mean())
        if share > self.most_filled:
            return Verdict.QUARANTINE, Reason.TOO_MUCH
        if any(mask[box.top : box.bottom, box.left : box.right].mean() < 0.5 for box in doubtful):
            return Verdict.QUARANTINE, Reason.TEXT_LEFT if share else Reason.DOUBTFUL
        if declared and not share:
            return Verdict.QUARANTINE, Reason.DECLARED_NOT_FOUND
        return (Verdict.REMOVED, Reason.NONE) if share else (Verdict.CLEAN, Reason.NONE)


class _TooManyGlyphsError(Exception):
    """Nothing can be said about this film."""


def _looks(pixels: Film) -> Iterator[Grey]:
    """The film as 8 bit over its whole range, and once more stretched where most of it lies in a narrow one."""
    low, high = int(pixels.min()), int(pixels.max())
    if low == high:
        return
    yield _stretched(pixels, low, high)
    sample = pixels[:: max(1, pixels.shape[0] // 512), :: max(1, pixels.shape[1] // 512)]
    inner_low, inner_high = (int(value) for value in np.percentile(sample, (0.5, 99.5)))
    if 0 < inner_high - inner_low < NARROW * (high - low):
        yield _stretched(pixels, inner_low, inner_high)


def _stretched(pixels: Film, low: int, high: int) -> Grey:
    if pixels.dtype == np.uint8 and (low, high) == (0, 255):
        return np.asarray(pixels, np.uint8)
    table = np.round(np.clip((np.arange(np.iinfo(pixels.dtype).max + 1.0) - low) / (high - low), 0, 1) * 255)
    return np.asarray(table.astype(np.uint8)[pixels])


def _levels(grey: Grey) -> Iterator[tuple[int, Grey]]:
    """The film and its halves, each with the number of film pixels to one of its own."""
    scale = 1
    if max(grey.shape) <= FINEST_SIDE:
        yield scale, grey
    while max(grey.shape) > COARSEST_SIDE and min(grey.shape) >= 2 * SMALLEST_SIDE:
        height, width = grey.shape[0] // 2 * 2, grey.shape[1] // 2 * 2
        quads = grey[:height, :width].reshape(height // 2, 2, width // 2, 2).astype(np.uint16)
        grey = ((quads[:, 0, :, 0] + quads[:, 0, :, 1] + quads[:, 1, :, 0] + quads[:, 1, :, 1] + 2) >> 2).astype(
            np.uint8
        )
        scale *= 2
        yield scale, grey


def _findings(grey: Grey) -> Iterator[tuple[bool, Box]]:
    """Boxes of text (True) and of what may be text (False), in film pixels."""
    for number, (scale, level) in enumerate(_levels(grey)):
        for every in find_glyphs(level):
            glyphs = every.chosen((every.contrast >= WEAK_CONTRAST) & (every.sharpness >= WEAK_SHARPNESS))
            if len(glyphs) > MOST_GLYPHS:
                raise _TooManyGlyphsError
            strong = (glyphs.contrast >= STRONG_CONTRAST) & (glyphs.sharpness >= STRONG_SHARPNESS)
            for upwards in (False, True):
                lines = find_lines(glyphs, strong, upwards=upwards)
                text, doubtful = _judged(lines, level.shape, finest=number == 0, upwards=upwards)
                for glyph in np.flatnonzero((text | doubtful)[lines.member]):
                    box = _box(glyphs, lines, int(glyph), scale, grey.shape, upwards=upwards)
                    yield bool(text[lines.member[glyph]]), box
                explained = text[lines.member]
                glyphs, strong = glyphs.chosen(~explained), strong[~explained]


def _judged(lines: Lines, shape: tuple[int, ...], *, finest: bool, upwards: bool) -> tuple[Mask, Mask]:
    """Which lines are text, and which may be.

    At a coarser level only what the finer one was too blurred for; upwards only what is longer than the
    crossings of ribs and the row of vertebrae, and no single letters: those were seen the other way round.
    """
    least = FINEST if finest else COARSER
    sized = lines.height >= least.line
    enough = 5 if upwards else 3
    text = (lines.letters >= enough) & (lines.strong >= 0.6) & sized
    if not upwards:
        text |= (
            (lines.letters < 3) & (lines.strong >= 0.9) & (lines.height >= least.marker) & _marker_like(lines, shape)
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


def _box(glyphs: Glyphs, lines: Lines, number: int, scale: int, shape: tuple[int, ...], *, upwards: bool) -> Box:
    """One letter of a line in film pixels, with a margin: along the line half of the widest gap, so that nothing
    is left between two letters; across it room for accents, descenders and the halo of JPEG."""
    height = int(lines.height[lines.member[number]])
    along, across = scale * max(2, round(ALONG * height)), scale * max(2, round(ACROSS * height))
    pad_x, pad_y = (across, along) if upwards else (along, across)
    return Box(
        top=max(0, int(glyphs.top[number]) * scale - pad_y),
        left=max(0, int(glyphs.left[number]) * scale - pad_x),
        bottom=min(shape[0], (int(glyphs.bottom[number]) + 1) * scale + pad_y),
        right=min(shape[1], (int(glyphs.right[number]) + 1) * scale + pad_x),
    )
