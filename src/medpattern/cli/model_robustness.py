"""`medpattern model robustness`: how much the answers change when the same films come otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medpattern.cli import console
from medpattern.cli.model_options import ModelArgument, check_libraries, open_model
from medpattern.cli.model_progress import progress
from medpattern.cli.options import Output, OutputOption
from medpattern.errors import UsageError

if TYPE_CHECKING:
    from medpattern.evaluation.film import Film
    from medpattern.evaluation.robustness import RobustnessRow
    from medpattern.evaluation.scores import ScoreTable
    from medpattern.evaluation.shifts import Shift
    from medpattern.pipeline.model import Predictor


def robustness(
    model: ModelArgument = None,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            metavar="PATH",
            show_default=False,
            help="Films: a folder in the original layout, the shared set's folder or tar, PneumoniaMNIST.",
        ),
    ] = None,
    scores: Annotated[
        Path | None,
        typer.Option(
            "--from-scores",
            "--scores",
            metavar="FILE",
            help="Scores saved before, in place of films.",
            show_default=False,
        ),
    ] = None,
    split: Annotated[str, typer.Option("--split", metavar="NAME", help="Which films: train, val or test.")] = "val",
    shift: Annotated[
        list[str] | None,
        typer.Option(
            "--shift",
            metavar="NAME",
            help="This shift alone; may be repeated. Default: all that have an aim.",
            show_default=False,
        ),
    ] = None,
    most: Annotated[
        int | None,
        typer.Option("--films", metavar="N", min=1, help="At most so many films, taken evenly.", show_default=False),
    ] = None,
    scores_out: Annotated[
        Path | None, typer.Option("--scores-out", metavar="FILE", help="Save the scores as CSV.", show_default=False)
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Exit code 1 if a shift misses its aim.")] = False,
    output: OutputOption = Output.TEXT,
) -> None:
    """Scores films as they are and as other hospitals would send them, and prints how much the answers change.

    A row for each shift: films, mean absolute change of the score (aim: below 0.05), share of outcomes that are others
    at the default operating point (aim: below 3 %), share that the gate refuses, AUC before and after. Shifts of size
    take the films of cxr_full320.tar where the data set holds it.

    Example: medpattern model robustness --data ../shared/xray/train --scores-out robustness.csv
    """  # fmt: skip
    check_libraries()
    if (data is None) == (scores is None):
        raise UsageError("give either --data, films to score, or --from-scores, a file of scores saved before")
    predictor = open_model(model)
    from medpattern.evaluation.robustness import robustness_rows

    if scores is not None:
        table = _saved(scores)
    else:
        assert data is not None
        table = _scored(predictor, data, split, _shifts(shift), most)
    if scores_out is not None:
        table.write(scores_out)
    rows = robustness_rows(table, predictor.card)
    _print(rows, predictor, output)
    if check and any(row.meets is False for row in rows):
        raise typer.Exit(1)


def _shifts(names: Sequence[str] | None) -> list[Shift]:
    from medpattern.evaluation.shifts import DEMANDED, SHIFTS

    if not names:
        return list(DEMANDED.values())
    if unknown := [name for name in names if name not in SHIFTS]:
        raise UsageError(f"there is no shift {unknown[0]!r}; there are {', '.join(SHIFTS)}")
    return [SHIFTS[name] for name in dict.fromkeys(names)]


def _saved(path: Path) -> ScoreTable:
    from medpattern.evaluation.scores import ScoreTable

    return ScoreTable.read(path)


def _scored(predictor: Predictor, data: Path, split: str, shifts: list[Shift], most: int | None) -> ScoreTable:
    from medpattern.evaluation.robustness import shifted_scores

    films = _films(data, split, most)
    full_size = films
    if any(one.full_size for one in shifts) and (larger := data / "cxr_full320.tar").is_file():
        full_size = _films(larger, split, most)
    with progress("scoring") as tell:
        return shifted_scores(predictor, films, full_size, shifts, tell)


def _films(data: Path, split: str, most: int | None) -> list[Film]:
    """The films of one split but repeated ones, evenly thinned out to at most so many."""
    from medpattern.evaluation.films import SPLITS, load_films

    if split not in SPLITS:
        raise UsageError(f"there is no split {split!r}; there are {', '.join(SPLITS)}")
    films = [film for film in load_films(data) if film.split == split and not film.duplicate]
    if not films:
        raise UsageError(f"{data} holds no films of the split {split}; try another one with --split")
    if most is None or len(films) <= most:
        return films
    return [films[index * len(films) // most] for index in range(most)]


def _print(rows: Sequence[RobustnessRow], predictor: Predictor, output: Output) -> None:
    from medpattern.evaluation.robustness import MOST_CHANGE, MOST_CHANGED

    card = predictor.card
    missed = sum(row.meets is False for row in rows)
    if output is Output.JSON:
        console.data_json({
            "model": {"name": card.name, "version": card.version, "sha256": predictor.sha256},
            "operatingPoint": card.default_operating_point,
            "aims": {"meanAbsoluteChange": MOST_CHANGE, "outcomesChanged": MOST_CHANGED},
            "rows": [row.document() for row in rows],
        })  # fmt: skip
        return
    header = ("shift", "films", "change", "changed", "refused", "AUC as is", "AUC", "aim", "what")
    console.table(header, map(_columns, rows))
    demanded = sum(row.meets is not None for row in rows)
    console.say(
        f"{card.name} {card.version} at {card.default_operating_point}: {demanded - missed} of "
        f"{console.number(demanded, 'shift')} meet the aims: mean absolute change below {MOST_CHANGE:g}, "
        f"outcomes changed below {MOST_CHANGED:.0%}"
    )


def _columns(row: RobustnessRow) -> tuple[str, ...]:
    aim = {True: "met", False: "MISSED", None: "-"}[row.meets]
    areas = ("-" if area is None else f"{area:.4f}" for area in (row.plain_auc, row.auc))
    return (
        row.shift.name, str(row.films), f"{row.change:.4f}", f"{row.changed:.2%}", f"{row.refused:.2%}", *areas, aim,
        row.shift.what,
    )  # fmt: skip
