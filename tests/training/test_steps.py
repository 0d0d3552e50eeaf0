"""Steps of a training: no network ever sees a film that it is asked about, and nothing is done twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medpattern.training import answers, steps
from medpattern.training.answers import Answers
from medpattern.training.steps import answer_step, fit_step, fold_steps
from medpattern.training.workplace import Workplace
from tests.training.drawn import data_set, small_settings


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    found = Workplace(tmp_path / "run", small_settings(), data_set(tmp_path / "data"))
    found.begin()
    return found


def test_one_network_and_one_gate_a_fold_and_the_gate_that_ships() -> None:
    assert fold_steps(3) == ["fold-0", "fold-1", "fold-2", "gate-0", "gate-1", "gate-2", "gate"]


def test_no_film_of_its_fold_is_in_a_fit(place: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, set[str]] = {}
    asked: dict[int, set[str]] = {}

    def spy(name: str, material: Any, *_rest: Any) -> str:
        seen[name] = {film.name for film in material.films}
        return name

    monkeypatch.setattr(steps, "classifier_task", spy)
    monkeypatch.setattr(steps, "gate_task", spy)
    monkeypatch.setattr(steps, "_fit", lambda *_arguments: None)
    monkeypatch.setattr(Workplace, "classifier", lambda _self, name: name)
    monkeypatch.setattr(Workplace, "gate", lambda _self, name: name)

    def ask(films: Any, held: list[int], networks: tuple[str, str], _settings: Any) -> Answers:
        fold = int(networks[0].removeprefix("fold-"))
        assert networks == (f"fold-{fold}", f"gate-{fold}")
        asked[fold] = {films[one].name for one in held}
        return Answers(np.array(["oof"] * len(held)), np.array(held), *(np.zeros(len(held), np.float32),) * 2)

    monkeypatch.setattr(answers, "answers", ask)

    for name in fold_steps(2):
        fit_step(place, name, lambda _line: None)
    for fold in range(2):
        answer_step(place, fold, lambda _line: None)

    everything = {film.name for film in place.material.films}
    for fold in range(2):
        assert asked[fold]
        assert seen[f"fold-{fold}"] == seen[f"gate-{fold}"] == everything - asked[fold]
    assert asked[0] | asked[1] == everything, "every film is asked about"
    assert not asked[0] & asked[1]
    assert seen["gate"] == everything


def test_each_epoch_is_noted_and_a_network_is_fitted_once(place: Workplace) -> None:
    told: list[str] = []

    fit_step(place, "fold-0", told.append)
    fit_step(place, "fold-0", told.append)

    rows = [json.loads(line) for line in place.path("fold-0.jsonl").read_text("utf-8").splitlines()]
    assert [row["epoch"] for row in rows] == [1, 2]
    assert all(row["loss"] > 0 and row["seconds"] >= 0 for row in rows)
    assert len(told) == 2
    assert told[1].startswith("fold-0: epoch 2 of 2, loss ")
    assert place.epochs("fold-0") == 2
    assert place.epochs("fold-1") == 0


def test_the_fitted_network_is_read_back_as_the_average(place: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    fit = steps.fitting.fit
    monkeypatch.setattr(steps.fitting, "fit", lambda *arguments: made.append(fit(*arguments)))

    fit_step(place, "fold-0", lambda _line: None)

    again = place.classifier("fold-0").state_dict()
    assert all((again[name] == value).all() for name, value in made[0].state_dict().items())


def test_answers_that_lie_there_are_not_asked_for_again(place: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Workplace, "classifier", lambda _self, name: name)
    monkeypatch.setattr(Workplace, "gate", lambda _self, name: name)
    kept = Answers(np.array(["oof"]), np.array([1]), np.zeros(1, np.float32), np.ones(1, np.float32))
    times: list[int] = []
    monkeypatch.setattr(answers, "answers", lambda *_arguments: times.append(1) or kept)

    first, again = (answer_step(place, 0, lambda _line: None) for _ in range(2))

    assert len(times) == 1
    assert first.gate.tolist() == again.gate.tolist() == [1]


def test_a_note_that_was_lost_does_not_make_a_training_unfinished(place: Workplace) -> None:
    """The checkpoint comes before the note: a machine that stops between them leaves the first alone."""
    fit_step(place, "fold-0", lambda _line: None)
    place.path("fold-0.jsonl").unlink()

    assert place.epochs("fold-0") == place.settings.loop.epochs
