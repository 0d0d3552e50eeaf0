"""A first remover of burned-in text: finds drawn letters by their sharp edges and fills their lines with black.

Conservative: what is text is filled, what may be text is quarantined. docs/deidentification.md has its figures
and what it cannot do.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

import numpy as np

from medpattern.pipeline.deidentification.glyphs import Glyphs, find_glyphs
from medpattern.pipeline.deidentification.interface import Deidentified, Reason, Verdict
from medpattern.pipeline.deidentification.judging import LINE, judge
from medpattern.pipeline.deidentification.lines import Lines, find_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from medpattern.pipeline.deidentification.interface import Film
    from medpattern.pipeline.deidentification.morphology import Grey, Mask

# Shorter sides cannot be judged: their letters have too few pixels.
SMALLEST_SIDE = 64
# Levels of half the size each, until the longer side is at most this; larger films begin with their half.
COARSEST_SIDE, FINEST_SIDE = 400, 2600
# Text stands at the edges. More than this share of the middle filled is text over the lungs, or lung taken for text.
MOST_IN_THE_MIDDLE = 0.03
# A level with more candidates is noise or a printed page.
MOST_GLYPHS = 6000
# A narrower range of grey than this share of the whole gets a look of its own, stretched.
NARROW = 0.4
# What counts as a candidate, and what as a strong one (glyphs.py: 0 to 255, and 0 to about 1).
WEAK_CONTRAST, WEAK_SHARPNESS = 28, 0.45
STRONG_CONTRAST, STRONG_SHARPNESS = 40, 0.6

# Margins around a letter, in heights of its line.
ALONG, ACROSS = 0.9, 0.4
SMALLEST_LETTER = 5
# Share of a box already filled from which a doubtful line is settled, and from which a line was found before.
EXPLAINED, KNOWN = 0.5, 0.25
# Companions of a line are looked for so many heights along it, from each found one again, in so many rounds.
REACH, ROUNDS, LARGEST_COMPANION, COMPANION_SHARPNESS = 2.0, 3, 4, 0.55


@dataclass(frozen=True, slots=True)
class Box:
    """Half-open; height: of the capitals of its line."""

    top: int
    left: int
    bottom: int
    right: int
    height: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """To index an image with; slices may end beyond its edge."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def share_of(self, mask: Mask) -> float:
        """How much of the box is True."""
        return float(mask[self.slices].mean())

    def enlarged(self, scale: int) -> Box:
        """From pixels of a level to those of the film, with one pixel of the level for what halving lost."""
        over = scale > 1
        bottom, right = scale * (self.bottom + over), scale * (self.right + over)
        return Box(scale * self.top, scale * self.left, bottom, right, scale * self.height)


class Kind(Enum):
    """What a letter was found as."""

    LINE = auto()
    MARKER = auto()
    DOUBTFUL = auto()


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
                doubtful += _mask_text(grey, mask)
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
        if _middle(mask).mean() > MOST_IN_THE_MIDDLE:
            return Verdict.QUARANTINE, Reason.MIDDLE
        if any(box.share_of(mask) < EXPLAINED for box in doubtful):
            return Verdict.QUARANTINE, Reason.TEXT_LEFT if share else Reason.DOUBTFUL
        if declared and not share:
            return Verdict.QUARANTINE, Reason.DECLARED_NOT_FOUND
        return (Verdict.REMOVED, Reason.NONE) if share else (Verdict.CLEAN, Reason.NONE)


def _middle(mask: Mask) -> Mask:
    """Where the lungs are: the middle half of the rows and the middle 60 % of the columns."""
    height, width = mask.shape
    return mask[height // 4 : height - height // 4, width // 5 : width - width // 5]


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
    if max(grey.shape) <= FINEST_SIDE or min(grey.shape) < 2 * SMALLEST_SIDE:
        yield scale, grey
    while max(grey.shape) > COARSEST_SIDE and min(grey.shape) >= 2 * SMALLEST_SIDE:
        height, width = grey.shape[0] // 2 * 2, grey.shape[1] // 2 * 2
        quads = grey[:height, :width].reshape(height // 2, 2, width // 2, 2).astype(np.uint16)
        grey = ((quads[:, 0, :, 0] + quads[:, 0, :, 1] + quads[:, 1, :, 0] + quads[:, 1, :, 1] + 2) >> 2).astype(
            np.uint8
        )
        scale *= 2
        yield scale, grey


def _mask_text(grey: Grey, mask: Mask) -> list[Box]:
    """Set the mask where text is and return boxes of what may be text, in film pixels."""
    doubtful = []
    for number, (scale, level) in enumerate(_levels(grey)):
        candidates = [_weak(every) for every in find_glyphs(level)]
        if max(map(len, candidates)) > MOST_GLYPHS:
            raise _TooManyGlyphsError
        lines: list[Box] = []
        for glyphs in candidates:
            found = [
                (kind, box, box.enlarged(scale)) for kind, box in _letters(glyphs, level.shape, finest=number == 0)
            ]
            lines += [box for kind, box, large in found if kind is Kind.LINE and large.share_of(mask) < KNOWN]
            doubtful += [large for kind, _, large in found if kind is Kind.DOUBTFUL]
            for kind, _, large in found:
                if kind is not Kind.DOUBTFUL:
                    mask[large.slices] = True
        for box in _companions(candidates, lines, level.shape):
            mask[box.enlarged(scale).slices] = True
    return doubtful


def _weak(every: Glyphs) -> Glyphs:
    return every.chosen((every.contrast >= WEAK_CONTRAST) & (every.sharpness >= WEAK_SHARPNESS))


def _letters(every: Glyphs, shape: tuple[int, ...], *, finest: bool) -> Iterator[tuple[Kind, Box]]:
    """Each letter of a line, a marker or a doubtful line with its margin, in pixels of the level."""
    glyphs = every.chosen(np.maximum(every.height, every.width) >= SMALLEST_LETTER)
    for upwards in (False, True):
        strong = (glyphs.contrast >= STRONG_CONTRAST) & (glyphs.sharpness >= STRONG_SHARPNESS)
        lines = find_lines(glyphs, strong, upwards=upwards)
        text, doubtful = judge(lines, shape, finest=finest, upwards=upwards)
        for glyph in np.flatnonzero((text | doubtful)[lines.member]):
            line = lines.member[glyph]
            kind = Kind.DOUBTFUL if doubtful[line] else Kind.LINE if lines.letters[line] >= LINE else Kind.MARKER
            yield kind, _box(glyphs, lines, int(glyph), shape, upwards=upwards)
        glyphs = glyphs.chosen(~text[lines.member])


def _companions(candidates: list[Glyphs], written: list[Box], shape: tuple[int, ...]) -> list[Box]:
    """What stands beside a line and may belong to it: dots, accents, letters that are broken or run together."""
    found: list[Box] = []
    near = np.zeros(shape, np.int16)
    fresh = written
    for _ in range(ROUNDS):
        for box in fresh:
            reach = round(REACH * box.height)
            area = near[
                max(0, box.top - reach // 4) : box.bottom + reach // 4, max(0, box.left - reach) : box.right + reach
            ]
            np.maximum(area, box.height, out=area)
        fresh = [box for glyphs in candidates for box in _near(glyphs, near)]
        found += fresh
    return found


def _near(glyphs: Glyphs, near: NDArray[np.int16]) -> Iterator[Box]:
    size = near[(glyphs.top + glyphs.bottom) // 2, (glyphs.left + glyphs.right) // 2]
    small = (glyphs.height <= LARGEST_COMPANION * size) & (glyphs.width <= LARGEST_COMPANION * size)
    for number in np.flatnonzero(small & (glyphs.sharpness >= COMPANION_SHARPNESS)):
        pad = max(2, round(ACROSS * int(size[number])))
        yield _padded(glyphs, int(number), near.shape, int(size[number]), pad, pad)


def _box(glyphs: Glyphs, lines: Lines, number: int, shape: tuple[int, ...], *, upwards: bool) -> Box:
    """One letter with a margin: along the line half of the widest gap, so that nothing is left between two
    letters; across it room for accents, descenders and the halo of JPEG."""
    height = int(lines.height[lines.member[number]])
    along, across = max(2, round(ALONG * height)), max(2, round(ACROSS * height))
    pad_x, pad_y = (across, along) if upwards else (along, across)
    return _padded(glyphs, number, shape, height, pad_x, pad_y)


def _padded(glyphs: Glyphs, number: int, shape: tuple[int, ...], height: int, pad_x: int, pad_y: int) -> Box:
    return Box(
        top=max(0, int(glyphs.top[number]) - pad_y),
        left=max(0, int(glyphs.left[number]) - pad_x),
        bottom=min(shape[0], int(glyphs.bottom[number]) + 1 + pad_y),
        right=min(shape[1], int(glyphs.right[number]) + 1 + pad_x),
        height=height,
    )
