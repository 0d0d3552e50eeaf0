"""What settings may be: checked when they are read, since most would fail only after hours."""

from __future__ import annotations

import re
from operator import attrgetter
from typing import TYPE_CHECKING

from medpattern.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from medpattern.training.settings import Settings

# As in the schema of cards; a name leaves room for what smoke() adds.
NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,54}[a-z0-9])?")
VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+-]{0,62}")
PRECISIONS = ("bfloat16", "float32")
BELOW_1 = 0.999999
# Least and greatest value of each number.
NUMBERS: Mapping[str, tuple[float, float]] = {
    "seed": (0, 2**63 - 1),
    "folds": (2, 20),
    "input.side": (32, 2048),
    "input.margin": (0, 512),
    "input.crop": (0, 0.25),
    "network.stem": (1, 1024),
    "network.dropout": (0, BELOW_1),
    "gate.epochs": (1, 10_000),
    "gate.average": (0, BELOW_1),
    "gate.strangers": (1, 100_000),
    "gate.refused_most": (0, BELOW_1),
    "loop.epochs": (1, 10_000),
    "loop.draws": (0, 10_000_000),
    "loop.batch": (2, 8192),
    "loop.rate": (1e-9, 10),
    "loop.weight_decay": (0, 10),
    "loop.smoothing": (0, BELOW_1),
    "loop.average": (0, BELOW_1),
    "student.views": (1, 1000),
    "student.epochs": (1, 10_000),
    "student.teacher": (0, 1),
    "student.names": (0, 1),
}
POINTS = ("screening", "balanced", "specific")


def check(settings: Settings, where: str) -> None:
    """Raises UsageError that names the place in `where` and what may stand there."""
    from medpattern.evaluation.shifts import SHIFTS

    for name, (least, most) in {**NUMBERS, "points.shifts": (0, len(SHIFTS) // 2)}.items():
        value = attrgetter(name)(settings)
        # Also of what is no number (.nan), which is neither less nor more.
        _want(least <= value <= most, f"{where}: {name}: {value} is not from {least} to {most}")
    for name, form in (("name", NAME), ("version", VERSION)):
        value = getattr(settings, name)
        _want(form.fullmatch(value) is not None, f"{where}: {name}: {value!r} is not of the form {form.pattern}")
    precision = settings.loop.precision
    _want(precision in PRECISIONS, f"{where}: loop.precision: {precision!r} is none of {', '.join(PRECISIONS)}")
    _want(
        len(settings.network.widths) == len(settings.network.blocks),
        f"{where}: network.blocks: there are {len(settings.network.widths)} stages in widths, so name as many numbers",
    )
    # Each stage halves the planes, which begin at half the side.
    most_stages = settings.input.side.bit_length() - 2
    _want(len(settings.gate.widths) <= most_stages, f"{where}: gate.widths: at most {most_stages} at this input.side")
    for name in POINTS:
        _check_point(getattr(settings.points, name), f"{where}: points.{name}")


def _check_point(pair: tuple[float, ...], place: str) -> None:
    _want(len(pair) == 2, f"{place}: two sensitivities are wanted, at the low and at the high threshold")
    low, high = pair
    _want(0 < high <= low <= 1, f"{place}: the sensitivity at the low threshold, {low}, is at most 1 and at least "
          f"that at the high one, {high}")  # fmt: skip


def _want(right: bool, otherwise: str) -> None:
    if not right:
        raise UsageError(otherwise)
