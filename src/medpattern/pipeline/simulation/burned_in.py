"""Burned-in text: what modalities and workstations write into the pixels of a film."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.ImageFont import FreeTypeFont, ImageFont

    from medpattern.pipeline.simulation.patient import Patient

    Film = NDArray[np.uint8] | NDArray[np.uint16]
    Style = Literal["white", "black", "outlined", "plate"]
    Corner = tuple[Literal["top", "bottom"], Literal["left", "right"]]

STYLES: tuple[Style, ...] = ("white", "black", "outlined", "plate")
CORNERS: tuple[Corner, ...] = (("top", "left"), ("top", "right"), ("bottom", "left"), ("bottom", "right"))
# Height of a capital as a share of the film's shorter side, and the least that is still legible, in pixels.
SMALLEST_SHARE, LARGEST_SHARE, SMALLEST_PX = 0.014, 0.035, 8


@dataclass(frozen=True, slots=True)
class Inscription:
    """Lines of text in one corner; style 'black' writes on a white plate, 'plate' white on a black one."""

    lines: tuple[str, ...]
    corner: Corner
    size_px: int
    style: Style


@dataclass(frozen=True, slots=True)
class Inscribed:
    """pixels: the film with the text; ink: bool (H, W), True where a stroke changed or covered the film."""

    pixels: Film
    ink: NDArray[np.bool_]


def draw_inscriptions(rng: np.random.Generator, patient: Patient, height: int, width: int) -> list[Inscription]:
    """Name, number and dates in one or two corners, and a side marker in another, at plausible sizes."""
    short = min(height, width)
    size = max(SMALLEST_PX, round(short * float(rng.uniform(SMALLEST_SHARE, LARGEST_SHARE))))
    corners = [CORNERS[int(index)] for index in rng.permutation(4)]
    style: Style = STYLES[int(rng.choice(4, p=[0.6, 0.15, 0.15, 0.1]))]
    first, second = _lines(rng, patient)
    inscriptions = [Inscription(first, corners[0], size, style)]
    if rng.random() < 0.5:
        inscriptions.append(Inscription(second, corners[1], size, style))
    marker = max(SMALLEST_PX + 2, round(short * float(rng.uniform(0.035, 0.06))))
    inscriptions.append(Inscription(("R" if rng.random() < 0.7 else "L",), corners[2], marker, "white"))
    return inscriptions


def _lines(rng: np.random.Generator, patient: Patient) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Who it is, and when and how it was taken."""
    who = (_without_accents(patient.name), f"ID {patient.patient_id}", f"{patient.birth_date:%d.%m.%Y} {patient.sex}")
    when = (f"{patient.acquired:%d.%m.%Y %H:%M}", f"ACC {patient.accession}", "CHEST AP 65 kV")
    return who[: int(rng.integers(1, 4))], when[: int(rng.integers(1, 4))]


def _without_accents(name: str) -> str:
    """As modalities write names, and since Pillow's font has Latin-1 only."""
    return "".join(letter for letter in unicodedata.normalize("NFKD", name) if not unicodedata.combining(letter))


def inscribe(pixels: Film, inscriptions: list[Inscription]) -> Inscribed:
    """The film with all inscriptions drawn over it; the input stays as it is."""
    film = pixels.copy()
    ink = np.zeros(film.shape, np.bool_)
    height, width = film.shape
    white = np.iinfo(film.dtype).max
    for inscription in inscriptions:
        cover = _cover(inscription, height, width)
        if inscription.style in ("black", "plate"):
            _blend(film, _plate(cover, inscription.size_px), white if inscription.style == "black" else 0)
        if inscription.style == "outlined":
            _blend(film, _cover(inscription, height, width, stroke=max(1, inscription.size_px // 12)), 0)
        _blend(film, cover, 0 if inscription.style == "black" else white)
        ink |= cover > 0.25
    return Inscribed(film, ink)


def _blend(film: Film, cover: NDArray[np.float32], colour: int) -> None:
    """Towards `colour` in place, by the share of each pixel that is covered."""
    touched = cover > 0
    film[touched] = np.round(film[touched] * (1 - cover[touched]) + colour * cover[touched]).astype(film.dtype)


def _cover(inscription: Inscription, height: int, width: int, stroke: int = 0) -> NDArray[np.float32]:
    """Share of each pixel under the letters, 0 to 1; text that is too long runs out of the film, as it does."""
    from PIL import Image, ImageDraw

    font = _font(inscription.size_px)
    canvas = Image.new("L", (width, height), 0)
    draw = ImageDraw.Draw(canvas)
    margin, step = max(2, inscription.size_px // 2), round(inscription.size_px * 1.25)
    top = margin if inscription.corner[0] == "top" else height - margin - step * len(inscription.lines)
    for number, line in enumerate(inscription.lines):
        left = margin if inscription.corner[1] == "left" else width - margin - round(draw.textlength(line, font))
        draw.text((left, top + number * step), line, fill=255, font=font, stroke_width=stroke)
    return np.asarray(canvas, np.float32) / 255.0


def _font(size_px: int) -> FreeTypeFont | ImageFont:
    """Pillow's own scalable font, so that no machine's fonts matter; `size_px` is the height of a capital."""
    from PIL import ImageFont

    return ImageFont.load_default(size_px / 0.72)


def _plate(cover: NDArray[np.float32], size_px: int) -> NDArray[np.float32]:
    """1 in the rectangle around all letters, with a margin of a third of a capital; nothing where none is inside."""
    plate = np.zeros_like(cover)
    rows, columns = np.nonzero(cover)
    if rows.size:
        pad = max(2, size_px // 3)
        plate[
            max(0, rows.min() - pad) : rows.max() + pad + 1, max(0, columns.min() - pad) : columns.max() + pad + 1
        ] = 1
    return plate
