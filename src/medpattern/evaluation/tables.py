"""Figures as lines of text for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medpattern.evaluation.evaluating import PREVALENCES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from medpattern.evaluation.bootstrap import Figure
    from medpattern.evaluation.evaluating import Change, SetFigures
    from medpattern.evaluation.operating import PointFigures
    from medpattern.evaluation.scoring import Latency

LABEL_WIDTH = 18
NOTHING = "-"


def label(name: str, text: str) -> str:
    """A line of a name and what is said of it."""
    return f"{name:{LABEL_WIDTH}}{text}".rstrip()


def set_lines(figures: SetFigures, default_point: str) -> Iterator[str]:
    """One set: what it holds, its figures with their intervals, a row for each operating point and subgroup."""
    normal = figures.films - figures.pneumonia
    yield label(
        f"set {figures.name}",
        f"{figures.films} films of {figures.patients} patients: {figures.pneumonia} pneumonia, {normal} normal",
    )
    yield label("AUC", number(figures.auc))
    yield label("ECE", number(figures.ece))
    yield label("Brier", number(figures.brier))
    yield label("refused by gate", f"{percent(figures.refused)} %")
    yield ""
    yield from columns(
        ["operating point", "low", "high", "sensitivity %", "specificity %", "accuracy %", "unsure %"],
        [_point_row(point, default_point) for point in figures.points],
    )
    yield ""
    yield from columns(
        ["films", "pneumonia as pneumonia", "as normal", "refused", "normal as pneumonia", "as normal", "refused"],
        [_confusion_row(point) for point in figures.points],
    )
    yield ""
    yield from _subgroup_lines(figures)
    yield from columns(
        ["predictive values at", *(f"{share:.0%}" for share in PREVALENCES)], list(_predictive_rows(figures))
    )


def change_lines(change: Change) -> Iterator[str]:
    """What burned-in text changed."""
    yield label("burned-in text", f"{change.before} -> {change.after}")
    yield label("AUC changes by", number(change.auc, signed=True))
    for name, share in change.outcomes.items():
        yield label(name, f"{percent(share)} % of outcomes change")


def latency_lines(latency: Latency) -> Iterator[str]:
    """How long a film took."""
    yield label(
        "latency",
        f"{latency.whole_median:.1f} ms a film (95 % below {latency.whole_p95:.1f}), the network alone "
        f"{latency.network_median:.1f} ({latency.network_p95:.1f}); measured now, on one thread of this machine",
    )


def number(figure: Figure, *, signed: bool = False) -> str:
    """Four decimals and the interval: `0.9921 [0.9870, 0.9960]`."""
    if figure.value is None:
        return NOTHING
    sign = "+" if signed else ""
    interval = "" if figure.low is None else f" [{figure.low:{sign}.4f}, {figure.high:{sign}.4f}]"
    return f"{figure.value:{sign}.4f}{interval}"


def percent(figure: Figure) -> str:
    """One decimal and the interval, without the sign: `95.2 [93.0, 97.1]`."""
    if figure.value is None:
        return NOTHING
    interval = (
        "" if figure.low is None or figure.high is None else f" [{100 * figure.low:.1f}, {100 * figure.high:.1f}]"
    )
    return f"{100 * figure.value:.1f}{interval}"


def columns(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Rows under their header, in columns."""
    lines = [header, *rows]
    widths = [max(len(line[index]) for line in lines) for index in range(len(header))]
    for line in lines:
        yield "  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip()


def _point_row(figures: PointFigures, default_point: str) -> list[str]:
    point = figures.point
    name = f"{point.name} (default)" if point.name == default_point else point.name
    shares = (figures.sensitivity, figures.specificity, figures.accuracy, figures.unsure)
    return [name, f"{point.low:g}", f"{point.high:g}", *map(percent, shares)]


def _confusion_row(figures: PointFigures) -> list[str]:
    found = figures.confusion
    return [
        figures.point.name,
        *map(str, (found.true_positive, found.false_negative, found.refused_pneumonia)),
        *map(str, (found.false_positive, found.true_negative, found.refused_normal)),
    ]


def _subgroup_lines(figures: SetFigures) -> Iterator[str]:
    if not figures.subgroups:
        return
    points = [point.point.name for point in figures.points]
    rows = [
        [group.name, str(group.films), number(group.auc), *(percent(group.sensitivity[name]) for name in points)]
        for group in figures.subgroups
    ]
    yield from columns(["subgroup", "films", "AUC", *(f"sensitivity % {name}" for name in points)], rows)
    yield ""


def _predictive_rows(figures: SetFigures) -> Iterator[list[str]]:
    for name, values in figures.predictive.items():
        for what, shares in (
            ("positive", [value.positive for value in values]),
            ("negative", [value.negative for value in values]),
        ):
            yield [f"{name}, {what}", *(NOTHING if share is None else f"{100 * share:.1f} %" for share in shares)]
