from __future__ import annotations

import numpy as np
import pytest

from medpattern.errors import UsageError
from medpattern.evaluation.strangers import FAMILIES, held_out, strangers, trained
from tests.evaluation.strangers.drawn_films import some_films

FILMS = some_films()
OF_FILMS = [name for name, family in FAMILIES.items() if family.kind == "film"]
DRAWN = [name for name, family in FAMILIES.items() if family.kind not in ("film", "photograph")]
# Grey levels. A film's worth of contrast is 40 and more; below 4 a picture is as good as empty.
NEARLY_CONSTANT = 4.0


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_draws_grey_pictures_of_the_promised_size(name: str) -> None:
    for stranger in strangers("evaluation", [name], 6, 11, FILMS):
        assert stranger.family == name
        assert stranger.pixels.dtype == np.uint8
        assert stranger.pixels.ndim == 2
        assert all(64 <= side <= 1024 for side in stranger.pixels.shape)
        assert stranger.source


@pytest.mark.parametrize("name", [name for name in FAMILIES if name != "blank"])
def test_only_blanks_are_empty(name: str) -> None:
    assert min(stranger.pixels.std() for stranger in strangers("evaluation", [name], 8, 5, FILMS)) > NEARLY_CONSTANT


@pytest.mark.parametrize("name", FAMILIES)
def test_the_same_seed_gives_the_same_bytes_and_another_gives_others(name: str) -> None:
    def drawn(seed: int) -> list[tuple[str, bytes]]:
        return [(one.source, one.pixels.tobytes()) for one in strangers("evaluation", [name], 4, seed, FILMS)]

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)
    assert len({pixels for _, pixels in drawn(1)}) > 1


def test_a_picture_depends_neither_on_how_many_nor_on_which_others_are_drawn() -> None:
    alone = list(strangers("train", ["hand"], 2, 3))
    among = [one for one in strangers("train", ["page", "hand"], 3, 3) if one.family == "hand"]
    assert [one.pixels.tobytes() for one in alone] == [one.pixels.tobytes() for one in among[:2]]


def test_pictures_come_family_by_family_as_asked() -> None:
    assert [one.family for one in strangers("evaluation", ["page", "blank"], 2, 0)] == [
        "page",
        "page",
        "blank",
        "blank",
    ]
    assert list(strangers("evaluation", [], 5, 0)) == []
    assert list(strangers("evaluation", ["page"], 0, 0)) == []


@pytest.mark.parametrize("name", [name for name in DRAWN if name in trained()])
def test_what_is_drawn_for_training_is_not_drawn_for_evaluation(name: str) -> None:
    train, evaluation = (list(strangers(part, [name], 3, 7)) for part in ("train", "evaluation"))
    assert not {one.source for one in train} & {one.source for one in evaluation}
    assert not {one.pixels.tobytes() for one in train} & {one.pixels.tobytes() for one in evaluation}


def test_held_out_families_are_of_every_kind_and_refused_for_training() -> None:
    assert len(held_out()) >= 5
    assert {FAMILIES[name].kind for name in held_out()} == {family.kind for family in FAMILIES.values()}
    assert set(held_out()) | set(trained()) == set(FAMILIES)
    for name in held_out():
        with pytest.raises(UsageError, match=f"never trained on: {name}"):
            strangers("train", [name], 1, 0, FILMS)


def test_what_the_issue_names_is_in_training_or_measured() -> None:
    """Phantoms, other radiographs, photographs, noise, blanks, inverted and turned films, documents."""
    named = {"phantom", "hand", "photograph", "white-noise", "blank", "film-inverted", "film-rotated-90"}
    assert named | {"film-rotated-180", "page"} <= set(trained())


@pytest.mark.parametrize("name", OF_FILMS)
def test_altered_films_need_films_and_leave_them_as_they_are(name: str) -> None:
    with pytest.raises(UsageError, match=f"{name} alter"):
        strangers("evaluation", [name], 1, 0)
    with pytest.raises(UsageError, match=f"{name} alters chest films"):
        FAMILIES[name].draw(np.random.default_rng(0), "evaluation")
    before = [film.copy() for film in FILMS]
    list(strangers("evaluation", [name], 4, 0, FILMS))
    assert all(np.array_equal(film, copy) for film, copy in zip(FILMS, before, strict=True))


@pytest.mark.parametrize("name", FAMILIES)
def test_pictures_belong_to_the_caller(name: str) -> None:
    """Writable, contiguous, and no window into a film or a kept photograph."""
    film = np.array(FILMS[0])
    stranger = next(strangers("evaluation", [name], 1, 0, [film]))
    assert stranger.pixels.flags.writeable
    assert stranger.pixels.flags.c_contiguous
    assert not np.shares_memory(stranger.pixels, film)


@pytest.mark.parametrize(
    ("part", "names", "each", "seed", "message"),
    [
        ("test", ["page"], 1, 0, "a part is one of train, evaluation, not 'test'"),
        ("train", ["page", "unicorn"], 1, 0, "called unicorn; there are phantom, "),
        ("train", ["page"], -1, 0, r"number of pictures \(-1\)"),
        ("train", ["page"], 1, -4, r"seed \(-4\)"),
    ],
)
def test_wrong_arguments_are_named_before_the_first_picture(
    part: str, names: list[str], each: int, seed: int, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        strangers(part, names, each, seed)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "film", [np.zeros((80, 80), np.float32), np.zeros((80, 80, 3), np.uint8), np.zeros((20, 80), np.uint8)]
)
def test_films_that_are_no_grey_films_are_named(film: np.ndarray) -> None:
    with pytest.raises(UsageError, match="film 1 is"):
        strangers("train", ["film-inverted"], 1, 0, [FILMS[0], film])
