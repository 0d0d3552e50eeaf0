"""The shifts: each changes what it says, the file as much as the pixels, and the same chance gives the same film."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from medpattern.evaluation.filmfiles import eight_bits
from medpattern.evaluation.shifts import DEMANDED, SHIFTS, SITES, chance
from medpattern.pipeline.images import decode
from medpattern.pipeline.simulation.phantom import draw_phantom

SMALL_ENOUGH = [name for name in SHIFTS if name not in {"size-1600", "size-3000"}]


@pytest.fixture(scope="module")
def film() -> NDArray[np.uint8]:
    return draw_phantom(np.random.default_rng(3), 160, 200).pixels.astype(np.uint8)


def shifted(name: str, film: NDArray[np.uint8], source: str = "a film") -> NDArray[np.uint8]:
    return SHIFTS[name].apply(film, chance(SHIFTS[name], source))


@pytest.mark.parametrize("name", SMALL_ENOUGH)
def test_a_shift_gives_a_film_and_leaves_the_one_it_was_given(name: str, film: NDArray[np.uint8]) -> None:
    before = film.copy()

    found = shifted(name, film)

    assert found.dtype == np.uint8
    assert found.ndim == 2
    assert np.array_equal(film, before)
    assert np.array_equal(found, shifted(name, film)), "the same chance gives the same film"


@pytest.mark.parametrize("name", SMALL_ENOUGH)
def test_the_file_decodes_to_the_pixels(name: str, film: NDArray[np.uint8]) -> None:
    shift = SHIFTS[name]

    file = shift.encode(film, chance(shift, "a film"))

    assert np.array_equal(eight_bits(decode(file)), shifted(name, film))


def test_no_shift_has_the_name_of_another() -> None:
    assert len(SHIFTS) == len(SITES) + len(DEMANDED)
    assert all(name == shift.name for name, shift in SHIFTS.items())


@pytest.mark.parametrize("name", ["16-bit", "dicom-12-bit", "monochrome1", "monochrome1-12-bit"])
def test_other_files_hold_the_same_film(name: str, film: NDArray[np.uint8]) -> None:
    difference = np.abs(shifted(name, film).astype(int) - film)

    assert difference.max() <= 1, "12 bits round once"


def test_a_monochrome1_file_stores_what_it_declares(film: NDArray[np.uint8]) -> None:
    import io

    import pydicom

    file = SHIFTS["monochrome1"].encode(film, chance(SHIFTS["monochrome1"], "a film"))
    dataset = pydicom.dcmread(io.BytesIO(file))

    assert dataset.PhotometricInterpretation == "MONOCHROME1"
    assert np.array_equal(255 - dataset.pixel_array, film)


def test_deep_files_are_deep(film: NDArray[np.uint8]) -> None:
    for name in ("16-bit", "dicom-12-bit", "monochrome1-12-bit"):
        assert decode(SHIFTS[name].encode(film, chance(SHIFTS[name], "a film"))).bits == 16, name


@pytest.mark.parametrize(
    ("name", "sign"),
    [("overexposed", -1), ("gain-low", -1), ("darker", -1), ("underexposed", 1), ("gain-high", 1), ("brighter", 1)],
)
def test_exposure_goes_the_way_it_says(name: str, sign: int, film: NDArray[np.uint8]) -> None:
    assert sign * (float(shifted(name, film).mean()) - float(film.mean())) > 5


@pytest.mark.parametrize(("name", "sign"), [("contrast-low", -1), ("contrast-high", 1), ("stretched", 1)])
def test_contrast_goes_the_way_it_says(name: str, sign: int, film: NDArray[np.uint8]) -> None:
    narrow = (film * 0.5 + 60).astype(np.uint8)

    assert sign * (float(shifted(name, narrow).std()) - float(narrow.std())) > 5


@pytest.mark.parametrize(("name", "sign"), [("blurrer", -1), ("sharper", 1), ("noisy", 1)])
def test_sharpness_goes_the_way_it_says(name: str, sign: int, film: NDArray[np.uint8]) -> None:
    def steps(pixels: NDArray[np.uint8]) -> float:
        return float(np.abs(np.diff(pixels.astype(int), axis=1)).mean())

    assert sign * (steps(shifted(name, film)) - steps(film)) > 0.1 * steps(film)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("cropped", (148, 184)),
        ("tighter", (134, 168)),
        ("looser", (180, 224)),
        ("off-centre", (144, 180)),
        ("rotated-left", (160, 200)),
        ("size-400", (400, 500)),
        ("size-3000", (3000, 3750)),
    ],
)
def test_framing_changes_the_size(name: str, size: tuple[int, int], film: NDArray[np.uint8]) -> None:
    assert shifted(name, film).shape == size


def test_the_two_rotations_are_mirror_images(film: NDArray[np.uint8]) -> None:
    left, right = shifted("rotated-left", film), shifted("rotated-right", film[:, ::-1].copy())

    assert np.abs(left.astype(int) - right[:, ::-1]).mean() < 2
    assert not np.array_equal(left, film)


@pytest.mark.parametrize("down", ["top", "bottom"])
@pytest.mark.parametrize("across", ["left", "right"])
def test_text_stands_in_its_corner(down: str, across: str, film: NDArray[np.uint8]) -> None:
    changed = shifted(f"text-{down}-{across}", film) != film
    rows, columns = np.nonzero(changed)

    assert changed.sum() > 50
    # Lines are long: what tells the side is where they begin or end.
    assert (rows.min() < 40) if down == "top" else (rows.max() > 120)
    assert (columns.min() < 40) if across == "left" else (columns.max() > 160)


@pytest.mark.parametrize(("name", "side"), [("marker-right", slice(0, 60)), ("marker-left", slice(140, 200))])
def test_a_marker_stands_on_its_side(name: str, side: slice, film: NDArray[np.uint8]) -> None:
    changed = shifted(name, film) != film

    assert changed.sum() > 10
    assert changed[:, side].sum() == changed.sum()


def test_chance_differs_between_films_and_not_with_their_order(film: NDArray[np.uint8]) -> None:
    assert not np.array_equal(shifted("noisy", film, "one"), shifted("noisy", film, "another"))
    assert np.array_equal(shifted("noisy", film, "one"), shifted("noisy", film, "one"))


def test_lower_quality_loses_more(film: NDArray[np.uint8]) -> None:
    losses = [float(np.abs(shifted(f"jpeg-{quality}", film).astype(int) - film).mean()) for quality in (95, 75, 50, 30)]

    assert losses == sorted(losses)
    assert losses[0] < losses[-1]


def test_sizes_are_asked_of_large_films_alone() -> None:
    assert {name for name, shift in SHIFTS.items() if shift.full_size} == {
        f"size-{side}" for side in (200, 400, 800, 1600, 3000)
    }
