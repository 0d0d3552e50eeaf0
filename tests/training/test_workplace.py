"""The folder of a training: it belongs to one set of settings and films, and says so before hours are spent."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medpattern.errors import UsageError
from medpattern.evaluation.strangers import trained
from medpattern.training import others
from medpattern.training.workplace import BEGUN, Workplace
from tests.evaluation.drawn import drawn_folder
from tests.training.drawn import data_set, small_settings

SETTINGS = small_settings()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return data_set(tmp_path_factory.mktemp("data"))


@pytest.fixture
def place(data: Path, tmp_path: Path) -> Workplace:
    found = Workplace(tmp_path / "run", SETTINGS, data)
    found.begin()
    return found


def test_it_is_found_again_as_it_was_begun(place: Workplace) -> None:
    replace(place).begin()
    again = Workplace.of(place.folder)

    assert (again.settings, again.data, again.more, again.limit) == (SETTINGS, place.data, (), None)
    again.check_films()


def test_other_settings_films_or_copies_need_another_folder(place: Workplace, tmp_path: Path) -> None:
    fewer = data_set(tmp_path / "fewer", 5)

    for other in (
        replace(place, settings=replace(SETTINGS, seed=1)),
        replace(place, data=fewer),
        replace(place, more=(place.data,)),
        replace(place, limit=5),
    ):
        with pytest.raises(UsageError, match="run holds a training with other settings or films; give it another"):
            other.begin()
    assert Workplace.of(place.folder).settings == SETTINGS, "what was begun stays"


def test_the_same_films_may_lie_elsewhere(place: Workplace, tmp_path: Path) -> None:
    moved = data_set(tmp_path / "moved")

    replace(place, data=moved).begin()

    assert Workplace.of(place.folder).data == moved


def test_films_that_were_changed_since_are_noticed(tmp_path: Path) -> None:
    data = data_set(tmp_path / "data")
    Workplace(tmp_path / "run", SETTINGS, data).begin()
    one = next((data / "train" / "NORMAL").iterdir())
    one.write_bytes(next((data / "train" / "PNEUMONIA").iterdir()).read_bytes())

    with pytest.raises(UsageError, match=r"data holds other films than when the training in .*run was begun"):
        Workplace.of(tmp_path / "run").check_films()


def test_a_folder_without_a_training_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no training: make one with medpattern model train"):
        Workplace.of(tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", "3", '{"settings": {}}', ""])
def test_a_damaged_note_of_the_beginning_is_told(text: str, place: Workplace) -> None:
    (place.folder / BEGUN).write_text(text, "utf-8")

    with pytest.raises(UsageError, match=r"begun\.json is damaged"):
        Workplace.of(place.folder)
    with pytest.raises(UsageError, match=r"begun\.json is damaged"):
        place.begin()


def test_settings_of_another_version_are_told(place: Workplace) -> None:
    begun = json.loads((place.folder / BEGUN).read_text("utf-8"))
    begun["settings"]["colour"] = 3
    (place.folder / BEGUN).write_text(json.dumps(begun), "utf-8")

    with pytest.raises(UsageError, match=r"begun\.json: unknown key 'colour'"):
        Workplace.of(place.folder)


def test_only_films_of_the_split_train_are_learnt_from(tmp_path: Path) -> None:
    data = data_set(tmp_path, 6)
    drawn_folder(tmp_path, 2, "val")
    drawn_folder(tmp_path, 2, "test")

    films = Workplace(tmp_path / "run", SETTINGS, data).material.films

    assert {film.split for film in films} == {"train"}
    assert len(films) == 12


def test_a_limit_takes_as_many_of_each_class(data: Path, tmp_path: Path) -> None:
    films = Workplace(tmp_path, SETTINGS, data, limit=4).material.films

    assert sum(film.pneumonia for film in films) == 4
    assert len(films) == 8
    assert [film.name for film in films] == sorted(film.name for film in films)


def test_too_few_films_are_told_before_anything_is_made(data: Path, tmp_path: Path) -> None:
    of_val = drawn_folder(tmp_path / "val-only", 3, "val")
    folder = tmp_path / "run"
    many = replace(SETTINGS, loop=replace(SETTINGS.loop, batch=7))
    folds = replace(SETTINGS, folds=7)

    with pytest.raises(UsageError, match="films of 0 patients with pneumonia in its split train are too few for 2"):
        Workplace(folder, SETTINGS, of_val).begin()
    with pytest.raises(UsageError, match="films of 6 patients with pneumonia in its split train are too few for 7"):
        Workplace(folder, folds, data).begin()
    with pytest.raises(UsageError, match=r"a fold network would learn from 6 films.*\b7\b"):
        Workplace(folder, many, data).begin()
    assert not folder.exists()


def test_a_folder_that_cannot_be_made_is_told(data: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")

    with pytest.raises(UsageError, match="file/run cannot be written"):
        Workplace(tmp_path / "file" / "run", SETTINGS, data).begin()


def test_strangers_are_of_every_family_for_training_and_drawn_once(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    families: list[str] = []
    draw = others.strangers

    def spy(part: str, names: tuple[str, ...], *rest: object) -> object:
        assert part == "train"
        families.extend(names)
        return draw(part, names, *rest)

    monkeypatch.setattr(others, "strangers", spy)
    kept = SETTINGS.input.kept

    first, again = place.strangers, replace(place).strangers

    assert tuple(families) == trained(), "held-out families are no part of it, and it is drawn once"
    assert first.shape == (len(trained()) * SETTINGS.gate.strangers, kept, kept)
    assert first.dtype == np.uint8
    assert (first == again).all()
