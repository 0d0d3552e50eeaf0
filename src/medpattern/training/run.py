"""A whole training: independent networks side by side, then the student, each step noted in MLflow."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from medpattern.errors import UsageError
from medpattern.training.answers import Answers
from medpattern.training.steps import STUDENT, answer_step, fit_step, fold_steps, student_step

if TYPE_CHECKING:
    from medpattern.training.steps import Tell
    from medpattern.training.tracking import Run
    from medpattern.training.workplace import Workplace


def train(workplace: Workplace, run: Run, jobs: int, tell: Tell) -> Answers:
    """Does what of the training is not done yet, on `jobs` processes of one thread each.

    Returns:
        What the fold networks say of films that they never saw.

    Raises:
        UsageError: the workplace holds another training.
    """
    workplace.begin()
    # Once, before the processes begin: each of them would draw it.
    _ = workplace.strangers
    names = fold_steps(workplace.settings.folds)
    with _pool(jobs) as pool:
        for name in _finished(pool, workplace, names):
            _note(run, workplace, name)
    said = answered(workplace, tell)
    torch.set_num_threads(jobs)
    student_step(workplace, said, tell)
    _note(run, workplace, STUDENT)
    return said


def answered(workplace: Workplace, tell: Tell) -> Answers:
    """What the fold networks say of the films that each never saw."""
    return Answers.joined([answer_step(workplace, fold, tell) for fold in range(workplace.settings.folds)])


def finished_answers(workplace: Workplace) -> Answers:
    """The same of a training that is over. Raises UsageError if it is not, or if its films are no longer the same."""
    if workplace.epochs(STUDENT) < workplace.settings.student.epochs:
        raise UsageError(f"the training in {workplace.folder} is not finished; call medpattern model train again")
    workplace.check_films()
    return answered(workplace, lambda _line: None)


def _pool(jobs: int) -> ProcessPoolExecutor:
    # A forked process inherits locks of PyTorch's threads.
    return ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), _alone)


def _finished(pool: ProcessPoolExecutor, workplace: Workplace, names: list[str]) -> list[str]:
    # A copy without the films in memory, which each process reads for itself.
    waiting = {pool.submit(_step, replace(workplace), name): name for name in names}
    done = []
    try:
        for future in as_completed(waiting):
            future.result()
            done.append(waiting[future])
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        # Else an interrupted training would end only with the networks it is at, an hour later.
        for process in multiprocessing.active_children():
            process.terminate()
        raise
    return sorted(done)


def _alone() -> None:
    """One thread a process trains fastest where there are as many processes as cores."""
    torch.set_num_threads(1)
    # From a terminal an interruption comes to all; the parent ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Where the parent is killed: this process would go on, and write where the next training does."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


_OPEN: dict[str, Workplace] = {}


def _step(workplace: Workplace, name: str) -> None:
    """In a process of its own, which keeps the films in memory for its next step."""
    kept = _OPEN.setdefault(str(workplace.folder), workplace)
    fit_step(kept, name, lambda line: print(line, file=sys.stderr, flush=True))


def _note(run: Run, workplace: Workplace, name: str) -> None:
    for row in workplace.told(name):
        run.metrics(int(row["epoch"]), {f"{name}/loss": float(row["loss"]), f"{name}/seconds": float(row["seconds"])})
