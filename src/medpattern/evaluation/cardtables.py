"""The tables of a model's card, as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medpattern.evaluation.evaluating import PREVALENCES
from medpattern.evaluation.robustness import MOST_CHANGE, MOST_CHANGED
from medpattern.evaluation.tables import NOTHING, number, percent

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from medpattern.evaluation.bootstrap import Figure
    from medpattern.evaluation.evaluating import Change, SetFigures
    from medpattern.evaluation.evidence import Candidate, Phase, ShortcutTest, Speed
    from medpattern.evaluation.gating import FamilyRefused
    from medpattern.evaluation.operating import PointFigures
    from medpattern.evaluation.robustness import RobustnessRow
    from medpattern.evaluation.scores import ScoreRow

MET = {True: "met", False: "**missed**", None: NOTHING}


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; a bar in a cell does not end it."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def set_table(sets: Mapping[str, SetFigures]) -> str:
    """A row for each set, by the words that name it: what it holds, and the figures of its scores."""
    return markdown(
        ["films", "pneumonia", "normal", "patients", "AUC", "ECE", "Brier", "refused by the gate, %"],
        [
            [
                words, str(one.pneumonia), str(one.films - one.pneumonia), str(one.patients),
                number(one.auc), number(one.ece), number(one.brier), percent(one.refused),
            ]
            for words, one in sets.items()
        ],
    )  # fmt: skip


def point_table(figures: SetFigures, default: str) -> str:
    """A row for each operating point: its thresholds, and how often it is right."""
    return markdown(
        ["operating point", "low", "high", "sensitivity, %", "specificity, %", "accuracy, %", "unsure, %"],
        [
            [
                _named(item, default), f"{item.point.low:g}", f"{item.point.high:g}", percent(item.sensitivity),
                percent(item.specificity), percent(item.accuracy), percent(item.unsure),
            ]
            for item in figures.points
        ],
    )  # fmt: skip


def confusion_table(figures: SetFigures, default: str) -> str:
    """A row for each operating point: films by what they show and what was said of them."""
    header = ["operating point", *(f"{film} {said}" for film in ("pneumonia", "normal") for said in _SAID)]
    rows = []
    for item in figures.points:
        found = item.confusion
        sick = (found.true_positive, found.false_negative, found.refused_pneumonia)
        well = (found.false_positive, found.true_negative, found.refused_normal)
        rows.append([_named(item, default), *map(str, sick + well)])
    return markdown(header, rows)


_SAID = ("called pneumonia or unsure", "called normal", "refused")


def subgroup_table(figures: SetFigures) -> str:
    """A row for each kind of pneumonia."""
    points = [item.point.name for item in figures.points]
    return markdown(
        ["pneumonia by", "films", "AUC against all normal films", *(f"sensitivity, %, {name}" for name in points)],
        [
            [group.name, str(group.films), number(group.auc), *(percent(group.sensitivity[name]) for name in points)]
            for group in figures.subgroups
        ],
    )


def predictive_table(figures: SetFigures) -> str:
    """Two rows for each operating point, a column for each prevalence."""
    rows = []
    for name, values in figures.predictive.items():
        rows.append([name, "called pneumonia or unsure, and has it", *(_share(one.positive) for one in values)])
        rows.append([name, "called normal, and is", *(_share(one.negative) for one in values)])
    return markdown(["operating point", "", *(f"{100 * share:g} % have it" for share in PREVALENCES)], rows)


def change_table(change: Change) -> str:
    """What burned-in text changed."""
    rows = [["AUC", number(change.auc, signed=True)]]
    rows += [[f"outcomes at {name}, %", percent(share)] for name, share in change.outcomes.items()]
    return markdown(["", "changed by"], rows)


def shift_table(sets: Sequence[SetFigures], default: str) -> str:
    """A row for each set: AUC, and sensitivity and specificity at the operating point `default`."""
    rows = []
    for one in sets:
        point = next(item for item in one.points if item.point.name == default)
        rows.append([
            f"`{one.name.partition('+')[2]}`", str(one.films), number(one.auc),
            percent(point.sensitivity), percent(point.specificity),
        ])  # fmt: skip
    return markdown(["shift", "films", "AUC", "sensitivity, %", "specificity, %"], rows)


def gate_table(rows: Sequence[FamilyRefused]) -> str:
    """A row for each family of strangers."""
    return markdown(
        ["family", "pictures", "sources", "refused, %"],
        [[row.name, str(row.pictures), str(row.sources), percent(row.refused)] for row in rows],
    )


def robustness_table(rows: Sequence[RobustnessRow]) -> str:
    """A row for each shift."""
    return markdown(
        [
            "shift", "what", "films", f"score changes by, mean (aim < {MOST_CHANGE:g})",
            f"outcomes changed, % (aim < {100 * MOST_CHANGED:g})", "refused, %", "AUC as is", "AUC shifted", "aims",
        ],
        [
            [
                f"`{row.shift.name}`", row.shift.what, str(row.films), f"{row.change:.4f}", f"{100 * row.changed:.2f}",
                f"{100 * row.refused:.2f}", _area(row.plain_auc), _area(row.auc), MET[row.meets],
            ]
            for row in rows
        ],
    )  # fmt: skip


def shortcut_table(tests: Sequence[ShortcutTest]) -> str:
    """A row for each test."""
    return markdown(
        ["test", "what the model sees", "films", "AUC", "aim", ""],
        [[one.name, one.what, str(one.films), number(one.auc), _aim(one) or NOTHING, MET[one.meets]] for one in tests],
    )


def speed_table(speed: Speed) -> str:
    """Milliseconds."""
    found = speed.latency
    return markdown(
        ["one film, one thread", "median, ms", "95 % below, ms"],
        [
            ["from a file's bytes to its scores", f"{found.whole_median:.1f}", f"{found.whole_p95:.1f}"],
            ["the network alone", f"{found.network_median:.1f}", f"{found.network_p95:.1f}"],
        ],
    )


def candidate_table(candidates: Sequence[Candidate]) -> str:
    """A row for each file that was compared."""
    return markdown(
        ["file", "size, MB", "network, median ms", "score differs by, mean", "at most", "AUC", ""],
        [
            [
                one.format, f"{one.size / 1e6:.2f}", f"{one.network_median_ms:.1f}", f"{one.mean_difference:.5f}",
                f"{one.greatest_difference:.5f}", f"{one.auc:.4f}", "shipped" if one.shipped else "",
            ]
            for one in candidates
        ],
    )  # fmt: skip


def phase_table(phases: Sequence[Phase]) -> str:
    """What was trained, and how long."""
    total = sum(phase.seconds for phase in phases)
    rows = [[phase.what, f"{phase.seconds / 60:.1f}"] for phase in phases]
    return markdown(["", "minutes"], [*rows, ["in all", f"{total / 60:.1f}"]])


def failure_table(rows: Sequence[tuple[ScoreRow, str]]) -> str:
    """Films with their scores and the outcome said of each."""
    return markdown(
        ["film", "shows", "score", "gate", "outcome"],
        [
            [f"`{row.name}`", row.subtype, f"{row.score:.4f}", NOTHING if row.gate is None else f"{row.gate:.4f}", said]
            for row, said in rows
        ],
    )


def aim(figure: Figure, *, least: float | None = None, most: float | None = None) -> str:
    """Whether a figure's value meets an aim, in words."""
    if figure.value is None:
        return NOTHING
    return MET[(least is None or figure.value >= least) and (most is None or figure.value <= most)]


def _aim(test: ShortcutTest) -> str:
    least = "" if test.least is None else f"≥ {test.least:g}"
    most = "" if test.most is None else f"≤ {test.most:g}"
    return ", ".join(filter(None, (least, most)))


def _named(item: PointFigures, default: str) -> str:
    return f"{item.point.name} (default)" if item.point.name == default else item.point.name


def _share(value: float | None) -> str:
    return NOTHING if value is None else f"{100 * value:.1f} %"


def _area(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.4f}"
