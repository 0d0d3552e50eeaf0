"""A training in small: settings, and drawn chests of made-up patients as films and as a data set."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from medpattern.evaluation.film import Film
from medpattern.training.settings import InputSettings, NetworkSettings, Settings, smoke
from tests.evaluation.drawn import drawn_films, drawn_folder
from tests.fleet.small import CHECKOUT

SETTINGS_FILE = CHECKOUT / "model/pneumonia/settings.yaml"


def small_settings() -> Settings:
    """Those of a smoke run, smaller still."""
    settings = smoke(Settings())
    return replace(
        settings,
        input=InputSettings(side=32, margin=8),
        network=NetworkSettings(stem=4, widths=(4,), blocks=(1,)),
        gate=replace(settings.gate, widths=(4, 4), epochs=1, strangers=1),
        loop=replace(settings.loop, batch=4, precision="float32"),
        student=replace(settings.student, epochs=1),
    )


def films(each: int = 4) -> tuple[Film, ...]:
    """`each` clear chests and as many with an opacity, two films a patient."""
    return tuple(
        replace(film, split="train", patient=f"{film.subtype}-{number // 2}")
        for number, film in enumerate(drawn_films(each))
    )


def data_set(folder: Path, each: int = 6) -> Path:
    """A folder in the original layout, all of it in the split train, every film a patient's only one."""
    return drawn_folder(folder, each, "train")


@contextmanager
def interruptible() -> Iterator[None]:
    """For processes begun in it: what a shell runs in the background ignores interruptions, and so would they."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
