"""All families of strangers, and pictures of them by part and seed."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

import numpy as np
from numpy.random import Generator, default_rng

from medpattern.errors import UsageError
from medpattern.evaluation.strangers import (
    documents,
    drawings,
    fields,
    films,
    head,
    limbs,
    phantoms,
    photographs,
    scans,
    trunk,
)
from medpattern.evaluation.strangers.family import PARTS, Family, Films, Part, Pixels, Stranger, drawn

_ALL = (
    drawn("phantom", "radiograph", phantoms.phantom),
    drawn("phantom-inscribed", "radiograph", phantoms.inscribed_phantom),
    drawn("hand", "radiograph", limbs.hand),
    drawn("foot", "radiograph", limbs.foot),
    drawn("shaft", "radiograph", limbs.shaft),
    drawn("joint", "radiograph", limbs.joint),
    drawn("abdomen", "radiograph", trunk.abdomen),
    drawn("pelvis", "radiograph", trunk.pelvis),
    drawn("spine", "radiograph", trunk.spine),
    drawn("chest-lateral", "radiograph", trunk.lateral_chest),
    drawn("panoramic", "radiograph", head.panoramic),
    drawn("skull", "radiograph", head.skull, held_out=True),
    drawn("mammogram", "radiograph", scans.mammogram),
    drawn("axial-slice", "radiograph", scans.axial_slice),
    drawn("test-object", "radiograph", scans.physics_object),
    drawn("things", "radiograph", scans.things),
    drawn("microscopy", "radiograph", scans.microscopy),
    drawn("ultrasound", "radiograph", scans.ultrasound, held_out=True),
    Family("photograph", "photograph", False, photographs.photograph),
    Family("photograph-other", "photograph", True, photographs.other_photograph),
    Family("face", "photograph", False, photographs.face),
    Family("digits", "photograph", False, photographs.digits),
    drawn("white-noise", "field", fields.white_noise),
    drawn("spectral-noise", "field", fields.spectral_noise),
    drawn("blobs", "field", fields.blobs),
    drawn("clouds", "field", fields.clouds),
    drawn("interference", "field", fields.interference, held_out=True),
    drawn("pattern", "field", fields.pattern),
    drawn("blank", "field", fields.blank),
    drawn("page", "document", documents.page),
    drawn("form", "document", documents.form),
    drawn("screenshot", "document", documents.screenshot),
    drawn("code", "document", documents.code),
    drawn("ecg", "document", documents.ecg),
    drawn("handwriting", "document", documents.handwriting, held_out=True),
    drawn("line-art", "drawing", drawings.line_art),
    drawn("shapes", "drawing", drawings.shapes),
    drawn("tree", "drawing", drawings.tree),
    drawn("landscape", "drawing", drawings.landscape),
    drawn("cartoon-face", "drawing", drawings.cartoon_face, held_out=True),
    films.altered("film-inverted", films.inverted),
    films.altered("film-rotated-90", films.rotated(1)),
    films.altered("film-rotated-180", films.rotated(2)),
    films.altered("film-rotated-270", films.rotated(3)),
    films.altered("film-upside-down", films.upside_down),
    films.altered("film-blurred", films.blurred),
    films.altered("film-strip", films.strip),
    films.altered("film-shuffled", films.shuffled),
    films.altered("film-scrambled", films.scrambled),
    films.altered("film-corner", films.corner, held_out=True),
    films.altered("film-mosaic", films.mosaic, count=6, held_out=True),
)
FAMILIES: Mapping[str, Family] = MappingProxyType({family.name: family for family in _ALL})


def trained() -> tuple[str, ...]:
    """Names of the families that training and the threshold may see."""
    return tuple(name for name, family in FAMILIES.items() if not family.held_out)


def held_out() -> tuple[str, ...]:
    """Names of the families that are only evaluated on."""
    return tuple(name for name, family in FAMILIES.items() if family.held_out)


def strangers(part: Part, families: Iterable[str], each: int, seed: int, films: Films = ()) -> Iterator[Stranger]:
    """`each` pictures of every family named, family by family; the same arguments give the same bytes.

    Picture n of a family depends on part, family, seed and films alone, not on `each` nor the other families. films:
    uint8 (H, W), whole films of the part (the caller keeps those of training and evaluation apart); only families
    of kind "film" need them. Raises UsageError, before the first picture, for an unknown part or family, a held-out
    family in part "train", a negative number, or films that are missing or no such arrays.
    """
    names = list(families)
    _check(part, names, each, seed, films)
    return (_stranger(FAMILIES[name], part, seed, number, films) for name in names for number in range(each))


def _stranger(family: Family, part: Part, seed: int, number: int, films: Films) -> Stranger:
    rng = default_rng([seed, PARTS.index(part), zlib.crc32(family.name.encode()), number])
    picture = family.draw(rng, part, films)
    source = picture.source or f"drawn {part} {seed} {number}"
    pixels = picture.pixels if family.kind == "film" else _stored(rng, family, picture.pixels)
    return Stranger(family.name, source, np.array(pixels))


def _stored(rng: Generator, family: Family, pixels: Pixels) -> Pixels:
    """As it would lie in a bucket: one in eight with a modality's text (radiographs draw their own), most as JPEG.

    Neither text nor traces of JPEG, which the films have too, may tell a film from a stranger.
    """
    if family.kind != "radiograph" and rng.random() < 1 / 8:
        pixels = phantoms.burned_in(rng, pixels)
    return pixels if rng.random() < 1 / 3 else _compressed(rng, pixels)


def _compressed(rng: Generator, pixels: Pixels) -> Pixels:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=int(rng.integers(60, 96)))
    return np.asarray(Image.open(file))


def _check(part: str, names: list[str], each: int, seed: int, films: Films) -> None:
    if part not in PARTS:
        raise UsageError(f"a part is one of {', '.join(PARTS)}, not {part!r}")
    if unknown := [name for name in names if name not in FAMILIES]:
        raise UsageError(f"no family of strangers is called {', '.join(unknown)}; there are {', '.join(FAMILIES)}")
    if part == "train" and (kept := [name for name in names if FAMILIES[name].held_out]):
        raise UsageError(f"held-out families are never trained on: {', '.join(kept)}")
    if each < 0 or seed < 0:
        raise UsageError(f"the number of pictures ({each}) and the seed ({seed}) are not negative")
    if not len(films) and (of_films := [name for name in names if FAMILIES[name].kind == "film"]):
        raise UsageError(f"{', '.join(of_films)} alter chest films: pass some")
    for number, film in enumerate(films):
        if film.dtype != np.uint8 or film.ndim != 2 or min(film.shape) < 64:
            raise UsageError(f"film {number} is {film.dtype} {film.shape}, not uint8 of two dimensions from 64 pixels")
