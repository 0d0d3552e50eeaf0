"""Whether a model could tell the classes by something else than lungs: films with the lungs or all else taken away.

Places are shares of what the input contract leaves of a film after its crop, the same for every film, since nobody
has drawn lungs on these. `CHEST` is a rounded rectangle that holds the lungs, the heart and what lies between on nearly
all films; `FIELDS` are two upright ellipses over the lung fields of an average film, which leave some lungs' rims.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np

from medpattern.evaluation.bootstrap import Bootstrap
from medpattern.evaluation.evidence import ShortcutTest
from medpattern.evaluation.film import DataError, contract_for
from medpattern.evaluation.filmfiles import as_png, eight_bits
from medpattern.evaluation.metrics import auc_figure
from medpattern.evaluation.scores import ScoreTable
from medpattern.evaluation.scoring import score_films
from medpattern.pipeline.failures import Unprocessable
from medpattern.pipeline.images import decode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from medpattern.evaluation.alterations import Pixels
    from medpattern.evaluation.film import Film
    from medpattern.pipeline.model import Predictor

    Mask = NDArray[np.bool_]
    Alteration = Callable[[Pixels, Mask, Pixels, np.random.Generator], Pixels]
    Progress = Callable[[int, int, str], None]

PLAIN = "plain"
SEED = 0
MOST_WITHOUT_LUNGS = 0.65

EDGE = 0.08
NOISE_MEAN, NOISE_DEVIATION = 100, 40


@dataclass(frozen=True, slots=True)
class Ellipse:
    """Centre and half axes as shares of width (x) and height (y); from `power` 2 on it grows to a rectangle."""

    x: float
    y: float
    half_x: float
    half_y: float
    power: float = 2.0

    def mask(self, across: NDArray[np.float64], down: NDArray[np.float64]) -> Mask:
        """Where it covers: `across` (1, width) and `down` (height, 1) are places, 0 to 1 within the input."""
        x, y = np.abs((across - self.x) / self.half_x), np.abs((down - self.y) / self.half_y)
        covered: Mask = x**self.power + y**self.power <= 1
        return covered


CHEST = (Ellipse(0.50, 0.47, 0.44, 0.41, power=6),)
FIELDS = (Ellipse(0.31, 0.47, 0.19, 0.37), Ellipse(0.69, 0.47, 0.19, 0.37))
INNER = (Ellipse(0.50, 0.50, 0.50 - EDGE, 0.50 - EDGE, power=float("inf")),)


@dataclass(frozen=True, slots=True)
class Removal:
    """One test: what `alter` makes of a film, the mask of `places` on it, and a film of the other class.

    `most`: the greatest AUC that is well; None where there is no aim.
    """

    name: str
    what: str
    places: tuple[Ellipse, ...]
    alter: Alteration
    most: float | None = None


def _inside_out(pixels: Pixels, mask: Mask, _other: Pixels, _rng: np.random.Generator) -> Pixels:
    """Filled with the mean of what is left: that of the whole film would tell how bright the lungs were."""
    return _filled(pixels, mask)


def _outside_out(pixels: Pixels, mask: Mask, _other: Pixels, _rng: np.random.Generator) -> Pixels:
    return _filled(pixels, ~mask)


def _outside_swapped(pixels: Pixels, mask: Mask, other: Pixels, _rng: np.random.Generator) -> Pixels:
    from PIL import Image

    height, width = pixels.shape
    background = np.asarray(Image.fromarray(other).resize((width, height), Image.Resampling.BILINEAR))
    return np.where(mask, pixels, background)


def _outside_noise(pixels: Pixels, mask: Mask, _other: Pixels, rng: np.random.Generator) -> Pixels:
    noise = rng.normal(NOISE_MEAN, NOISE_DEVIATION, pixels.shape)
    return np.where(mask, pixels, np.clip(noise, 0, 255).astype(np.uint8))


def _filled(pixels: Pixels, mask: Mask) -> Pixels:
    left = pixels[~mask]
    return np.where(mask, np.uint8(round(float(left.mean())) if left.size else 0), pixels)


REMOVALS: tuple[Removal, ...] = (
    Removal("lungs out", "a rounded rectangle over lungs, heart and all between (88 % x 82 %) filled with the mean of "
            "the rest", CHEST, _inside_out, most=MOST_WITHOUT_LUNGS),
    Removal("lung fields out", "two ellipses over average lung fields filled so; the rims of some lungs are left",
            FIELDS, _inside_out),
    Removal("edges out", "the outer 8 % of each side filled with the mean of the rest", INNER, _outside_out),
    Removal("background of the other class", "outside the rounded rectangle another film, of the other class", CHEST,
            _outside_swapped),
    Removal("background of noise", "outside the rounded rectangle Gaussian noise", CHEST, _outside_noise),
    Removal("lung fields alone", "outside the two ellipses the mean of them", FIELDS, _outside_out),
)  # fmt: skip


def shortcut_tests(
    predictor: Predictor, films: Sequence[Film], progress: Progress | None = None, *, full_size: Sequence[Film] = ()
) -> tuple[ShortcutTest, ...]:
    """All tests on `films`, with intervals by patient; the aspect ratio is that of `full_size` (default: `films`).

    `progress` is told (films done, of all, test). Raises DataError for a film that cannot be decoded or scored, and
    unless both classes are there.
    """
    table = removal_scores(predictor, films, progress)
    tests = [_test(removal, table.of(removal.name)) for removal in REMOVALS]
    aspect = aspect_test(full_size or films)
    return (*tests, aspect) if aspect is not None else tuple(tests)


def removal_scores(predictor: Predictor, films: Sequence[Film], progress: Progress | None = None) -> ScoreTable:
    """Scores of the films as they are (set `plain`) and under each removal (sets named as it is)."""
    if len({film.pneumonia for film in films}) < 2:
        raise DataError("shortcuts are tested on films of both classes; these hold one")
    table = ScoreTable(())
    for number, removal in enumerate((None, *REMOVALS)):
        name = PLAIN if removal is None else removal.name
        read = None if removal is None else _altered(removal, films, predictor)
        told = None if progress is None else _within(progress, number * len(films), name, len(films))
        table += score_films(predictor, films, name, read=read, progress=told).table
    return table


def _within(progress: Progress, before: int, name: str, each: int) -> Progress:
    return lambda done, _all, _film: progress(before + done, each * (len(REMOVALS) + 1), name)


def _altered(removal: Removal, films: Sequence[Film], predictor: Predictor) -> Callable[[Film], bytes]:
    classes = {sick: [film for film in films if film.pneumonia == sick] for sick in (False, True)}

    def read(film: Film) -> bytes:
        rng = np.random.default_rng([SEED, crc32(removal.name.encode()), crc32(film.name.encode())])
        others = classes[not film.pneumonia]
        other = _pixels(others[int(rng.integers(len(others)))])
        pixels = _pixels(film)
        mask = mask_of(removal.places, pixels.shape, contract_for(film, predictor.card.input).crop)
        return as_png(removal.alter(pixels, mask, other, rng))

    return read


def _pixels(film: Film) -> Pixels:
    try:
        return eight_bits(decode(film.read()))
    except Unprocessable as error:
        raise DataError(f"{film.name} cannot be decoded: {error}") from error


def mask_of(places: Sequence[Ellipse], shape: tuple[int, ...], crop: float) -> Mask:
    """(height, width): where any of `places` covers a film of this shape whose borders lose `crop`."""
    down, across = (((np.arange(length) + 0.5) / length - crop) / (1 - 2 * crop) for length in shape)
    mask: Mask = np.logical_or.reduce([place.mask(across[None, :], down[:, None]) for place in places])
    return mask


def aspect_test(films: Sequence[Film]) -> ShortcutTest | None:
    """The AUC of width over height alone, no model; None where all films have one shape, as squashed ones have."""
    shapes = [_pixels(film).shape for film in films]
    aspect = np.array([width / height for height, width in shapes])
    sick = np.array([film.pneumonia for film in films], np.bool_)
    if not len(films) or np.ptp(aspect) < 1e-3:
        return None
    found = auc_figure(sick, aspect, Bootstrap([film.patient for film in films]))
    return ShortcutTest(
        "aspect ratio alone", "no model: width over height of the films; what the data set gives away", len(films),
        found, None, None,
    )  # fmt: skip


def _test(removal: Removal, table: ScoreTable) -> ShortcutTest:
    found = auc_figure(table.pneumonia, table.score, Bootstrap(table.patients))
    return ShortcutTest(removal.name, removal.what, len(table), found, removal.most, None)
