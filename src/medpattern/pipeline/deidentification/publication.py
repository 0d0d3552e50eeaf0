"""What is published of an image: the anonymised one, and the processed one with its result in a margin below.

Both are grey PNG of 8 bits without text, time or profile: the same input gives the same bytes (with one build of
Pillow), so a repeat overwrites an object with itself. Films of 16 bits are published by their upper 8.
"""

from __future__ import annotations

import io
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from medpattern.pipeline.deidentification.interface import Verdict
from medpattern.pipeline.events.results import STATEMENT

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.ImageFont import FreeTypeFont, ImageFont

    from medpattern.pipeline.deidentification.interface import Deidentified

    Font = FreeTypeFont | ImageFont

# Letters are a share of the film's width, within what can be read and what stays modest; in pixels.
TEXT_SHARE, SMALLEST_TEXT, LARGEST_TEXT = 1 / 36, 11, 48


@dataclass(frozen=True, slots=True)
class Caption:
    """What the margin says. risk: probability from 0 to 1, None where there is none; nothing that identifies."""

    outcome: str
    risk: float | None
    operating_point: str
    model_name: str
    model_version: str
    reason: str = ""
    stand_in: bool = False
    simulated: bool = False


class WithheldError(Exception):
    """A quarantined image was about to be published."""


def anonymised_png(image: Deidentified) -> bytes:
    """The pixels without what the remover filled. Raises WithheldError for a quarantined image."""
    return _png(_published(image))


def processed_png(image: Deidentified, caption: Caption) -> bytes:
    """The anonymised pixels, unchanged, above a margin with the caption. Raises WithheldError as above."""
    film = _published(image)
    margin = _margin(caption_lines(caption), film.shape[1])
    return _png(np.concatenate([film, margin]))


def caption_lines(caption: Caption) -> list[str]:
    """The caption as lines of text: result, model, and what it must not be taken for."""
    result = f"Result: {caption.outcome}" + (f" ({caption.reason})" if caption.reason else "")
    risk = "none" if caption.risk is None else f"{100 * caption.risk:.1f} %"
    model = f"Model: {caption.model_name} {caption.model_version}" + (" (stand-in model)" if caption.stand_in else "")
    lines = [result, f"Risk: {risk}, operating point: {caption.operating_point}", model, STATEMENT]
    return [*lines, "simulated image, no patient"] if caption.simulated else lines


def _published(image: Deidentified) -> NDArray[np.uint8]:
    if image.verdict is Verdict.QUARANTINE:
        raise WithheldError("a quarantined image is not published")
    pixels = image.pixels
    return pixels.astype(np.uint8) if pixels.dtype == np.uint8 else (pixels >> 8).astype(np.uint8)


def _png(film: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    # Runs alone: on films a quarter of the time that zlib's own strategy takes, for files of the same size.
    Image.fromarray(film).save(file, "PNG", compress_level=6, compress_type=zlib.Z_RLE)
    return file.getvalue()


def _margin(lines: list[str], width: int) -> NDArray[np.uint8]:
    """White text on black, a grey rule above it; lines that are too long go on below."""
    from PIL import Image, ImageDraw, ImageFont

    size = min(LARGEST_TEXT, max(SMALLEST_TEXT, round(width * TEXT_SHARE)))
    font: Font = ImageFont.load_default(size)
    wrapped = [part for line in lines for part in _wrapped(line, font, width - size)]
    step = round(1.35 * size)
    margin = Image.new("L", (width, step * len(wrapped) + size), 0)
    draw = ImageDraw.Draw(margin)
    draw.line((0, 0, width, 0), fill=128)
    for number, line in enumerate(wrapped):
        draw.text((size // 2, size // 2 + number * step), line, fill=255, font=font)
    return np.asarray(margin, np.uint8)


def _wrapped(line: str, font: Font, width: int) -> list[str]:
    """The line's words, as many to a row as fit; a word that is too long is cut into pieces that do."""
    rows = [""]
    for word in line.split():
        longer = f"{rows[-1]} {word}".strip()
        if font.getlength(longer) <= width:
            rows[-1] = longer
            continue
        pieces = _pieces(word, font, width)
        rows = [row for row in rows if row] + pieces
    return rows


def _pieces(word: str, font: Font, width: int) -> list[str]:
    pieces = [""]
    for letter in word:
        if pieces[-1] and font.getlength(pieces[-1] + letter) > width:
            pieces.append("")
        pieces[-1] += letter
    return pieces
