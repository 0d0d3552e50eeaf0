"""Films as other hospitals would send them: the same X-ray otherwise exposed, framed, marked, or written to a file.

`SITES` are what operating points are chosen under, `DEMANDED` is what a model must hardly notice (the robustness
table), `SHIFTS` holds both. Strengths are fixed, so that a row of the table means one thing; chance decides only what
a strength leaves open: grain, the invented name, the side that is cut.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias
from zlib import crc32

import numpy as np

from medpattern.evaluation import alterations as change
from medpattern.evaluation.filmfiles import as_deep_png, as_dicom, as_jpeg, as_png, eight_bits
from medpattern.pipeline.images import decode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from medpattern.evaluation.alterations import Pixels

    Alteration: TypeAlias = Callable[[Pixels, np.random.Generator], Pixels]
    Writer: TypeAlias = Callable[[Pixels, np.random.Generator], bytes]

# The softest lens and the hardest edge, as standard deviations of a blur: 1.2 pixels of 224.
SOFTNESS = 0.0055


@dataclass(frozen=True, slots=True)
class Shift:
    """One way in which a film may come otherwise: altered pixels, another file, or both.

    `full_size`: it says something only of films that are larger than the model's input.
    """

    name: str
    what: str
    alter: Alteration | None = None
    write: Writer | None = None
    full_size: bool = False

    def apply(self, pixels: Pixels, rng: np.random.Generator) -> Pixels:
        """The shifted film, uint8 (height, width); `pixels` stay as they are. The same generator, the same film."""
        altered = self._altered(pixels, rng)
        return altered if self.write is None else eight_bits(decode(self.write(altered, rng)))

    def encode(self, pixels: Pixels, rng: np.random.Generator) -> bytes:
        """The shifted film as a file for the pipeline's decode(), a PNG where the shift asks for no other format."""
        altered = self._altered(pixels, rng)
        return as_png(altered) if self.write is None else self.write(altered, rng)

    def _altered(self, pixels: Pixels, rng: np.random.Generator) -> Pixels:
        return pixels if self.alter is None else self.alter(pixels, rng)


def chance(shift: Shift, film: str, seed: int = 0) -> np.random.Generator:
    """The generator for one film (by name) under one shift: no other film, and no order of films, changes it."""
    return np.random.default_rng([seed, crc32(shift.name.encode()), crc32(film.encode())])


def _plain(alter: Callable[..., Pixels], **strength: float) -> Alteration:
    """`alter` without chance."""
    return lambda pixels, _rng: alter(pixels, **strength)


def _jpeg(quality: int) -> Writer:
    return lambda pixels, _rng: as_jpeg(pixels, quality)


def _named(shifts: Iterable[Shift]) -> Mapping[str, Shift]:
    return MappingProxyType({shift.name: shift for shift in shifts})


SITES = _named((
    Shift("overexposed", "darker: gamma 1.5", _plain(change.gamma, exponent=1.5)),
    Shift("underexposed", "brighter: gamma 0.67", _plain(change.gamma, exponent=0.67)),
    Shift("gain-low", "grey levels times 0.75", _plain(change.gain, factor=0.75)),
    Shift("gain-high", "grey levels times 1.25, cut off at white", _plain(change.gain, factor=1.25)),
    Shift("contrast-low", "contrast times 0.65", _plain(change.contrast, factor=0.65)),
    Shift("contrast-high", "contrast times 1.4", _plain(change.contrast, factor=1.4)),
    Shift("stretched", "percentiles 1 to 99 drawn out to black and white", _plain(change.stretched, cut=1.0)),
    Shift("sharper", "unsharp mask", _plain(change.sharpened, share=SOFTNESS, strength=1.5)),
    Shift("blurrer", "Gaussian blur, 0.55 % of the shorter side", _plain(change.blurred, share=SOFTNESS)),
    Shift("noisy", "Gaussian noise, 8 of 255 grey levels", partial(change.noisy, deviation=8.0)),
    Shift("tighter", "8 % cut off each side", _plain(change.cropped, top=0.08, bottom=0.08, left=0.08, right=0.08)),
    Shift("looser", "black borders, 6 % a side", _plain(change.framed, share=0.06)),
    Shift("off-centre", "10 % cut off one end and one side", partial(change.off_centre, share=0.10)),
    Shift("compressed", "JPEG quality 25", write=_jpeg(25)),
))  # fmt: skip

_FOUR_PERCENT = {"top": 0.04, "bottom": 0.04, "left": 0.04, "right": 0.04}


def _texts() -> Iterable[Shift]:
    for down in ("top", "bottom"):
        for across in ("left", "right"):
            write = partial(change.with_text, corner=(down, across))
            yield Shift(f"text-{down}-{across}", f"patient's name burned in, {down} {across}", write)


DEMANDED = _named((
    Shift("cropped", "4 % more cut off each side", _plain(change.cropped, **_FOUR_PERCENT)),
    *_texts(),
    Shift("marker-right", "side marker R", partial(change.with_marker, letter="R")),
    Shift("marker-left", "side marker L", partial(change.with_marker, letter="L")),
    Shift("darker", "exposure: gamma 1.25", _plain(change.gamma, exponent=1.25)),
    Shift("brighter", "exposure: gamma 0.8", _plain(change.gamma, exponent=0.8)),
    Shift("rotated-left", "turned by 10 degrees, corners black", _plain(change.rotated, degrees=10.0)),
    Shift("rotated-right", "turned by -10 degrees, corners black", _plain(change.rotated, degrees=-10.0)),
    *(Shift(f"jpeg-{quality}", f"JPEG quality {quality}", write=_jpeg(quality)) for quality in (30, 50, 75, 95)),
    *(
        Shift(f"size-{side}", f"shorter side {side} pixels, JPEG quality 95",
              _plain(change.resized, shorter=side), _jpeg(95), full_size=True)
        for side in (200, 400, 800, 1600, 3000)
    ),
    Shift("16-bit", "PNG of 16 bits", write=lambda pixels, _rng: as_deep_png(pixels)),
    Shift("dicom-12-bit", "DICOM, 12 bits stored", write=partial(as_dicom, photometric="MONOCHROME2", bits=12)),
    Shift("monochrome1", "DICOM, inverted and declared so", write=partial(as_dicom, photometric="MONOCHROME1", bits=8)),
    Shift("monochrome1-12-bit", "the same, 12 bits stored",
          write=partial(as_dicom, photometric="MONOCHROME1", bits=12)),
))  # fmt: skip

SHIFTS: Mapping[str, Shift] = MappingProxyType({**SITES, **DEMANDED})
