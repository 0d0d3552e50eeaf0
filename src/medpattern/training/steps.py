"""The steps of a training. Each is done once: a step whose file lies in the workplace is not repeated."""

from __future__ import annotations

import json
from time import monotonic
from typing import TYPE_CHECKING

import numpy as np
import torch

from medpattern.evaluation.wholefile import whole_file
from medpattern.training import answers, fitting, teaching
from medpattern.training.answers import Answers
from medpattern.training.points import Calibration, calibrated
from medpattern.training.tasks import classifier_task, gate_task, student_task

if TYPE_CHECKING:
    from collections.abc import Callable

    from medpattern.training.fitting import Progress, Task
    from medpattern.training.workplace import Workplace

    Tell = Callable[[str], None]

STUDENT, GATE = "student", "gate"


def fold_steps(number: int) -> list[str]:
    """Names of the steps that depend on no other: one network for each fold, its gate, and the gate that ships."""
    return [*(f"fold-{fold}" for fold in range(number)), *(f"{GATE}-{fold}" for fold in range(number)), GATE]


def fit_step(workplace: Workplace, name: str, tell: Tell) -> None:
    """Fits the network of one of the `fold_steps`."""
    kind, _dash, fold = name.partition("-")
    material = workplace.material
    seen = material.chosen(np.flatnonzero(workplace.folds != int(fold))) if fold else material
    if kind == GATE:
        _fit(workplace, gate_task(name, seen, workplace.strangers, workplace.settings), tell)
    else:
        _fit(workplace, classifier_task(name, seen, workplace.settings), tell)


def answer_step(workplace: Workplace, fold: int, tell: Tell) -> Answers:
    """What the networks of a fold say of its held-out films."""
    path = workplace.path(f"answers-{fold}.npz")
    if not path.exists():
        tell(f"fold {fold}: scoring the films that it never saw")
        networks = workplace.classifier(f"fold-{fold}"), workplace.gate(f"{GATE}-{fold}")
        held = np.flatnonzero(workplace.folds == fold).tolist()
        answers.answers(workplace.material.films, held, networks, workplace.settings).write(path)
    return Answers.read(path)


def student_answers(workplace: Workplace) -> Answers:
    """What the networks that ship say of the same pictures; the student learned from them: good for no figure."""
    path = workplace.path(f"answers-{STUDENT}.npz")
    if not path.exists():
        networks = workplace.classifier(STUDENT), workplace.gate(GATE)
        films = workplace.material.films
        answers.answers(films, range(len(films)), networks, workplace.settings).write(path)
    return Answers.read(path)


def calibration(workplace: Workplace, said: Answers) -> Calibration:
    """That of the fold networks, on what they said out of their folds."""
    return calibrated(said.score, workplace.material.pneumonia[said.film])


def student_step(workplace: Workplace, said: Answers, tell: Tell) -> None:
    """Teaches the student what the fold networks say."""
    teachers = [workplace.classifier(f"fold-{fold}") for fold in range(workplace.settings.folds)]
    views, targets = _lessons(workplace, teachers, calibration(workplace, said), tell)
    named = teaching.with_names(views, workplace.settings)
    _fit(workplace, student_task(named, targets, workplace.settings), tell)


def _lessons(
    workplace: Workplace, teachers: list[torch.nn.Module], by: Calibration, tell: Tell
) -> tuple[np.ndarray, np.ndarray]:
    path = workplace.path("lessons.npz")
    if not path.exists():

        def heard(done: int, whole: int) -> None:
            if done % 4096 == 0 or done == whole:
                tell(f"lessons: {done} of {whole} views")

        views, targets = teaching.lessons(workplace.material, teachers, by, workplace.settings, heard)
        with whole_file(path) as part:
            np.savez(part, views=views, targets=targets)
    with np.load(path, allow_pickle=False) as file:
        return file["views"], file["targets"]


def _fit(workplace: Workplace, task: Task, tell: Tell) -> None:
    began = monotonic()

    def noted(progress: Progress) -> None:
        seconds = monotonic() - began
        with workplace.path(f"{task.name}.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps({"epoch": progress.epoch, "loss": round(progress.loss, 5),
                                   "seconds": round(seconds, 1)}) + "\n")  # fmt: skip
        tell(f"{progress.name}: epoch {progress.epoch} of {progress.epochs}, loss {progress.loss:.4f}, {seconds:.0f} s")

    fitting.fit(task, workplace.settings.loop, workplace.path(f"{task.name}.pt"), noted)
