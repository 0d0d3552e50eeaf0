"""`medpattern model evaluate`: how good a model is, on films, on saved scores, or on readers' verdicts."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from medpattern.cli import console, stages
from medpattern.cli.model_options import ModelArgument, check_libraries, open_model
from medpattern.cli.model_progress import progress
from medpattern.cli.options import Output, OutputOption
from medpattern.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from medpattern.evaluation.evaluating import Change, Resampling, SetFigures
    from medpattern.evaluation.film import Film
    from medpattern.evaluation.scores import ScoreTable
    from medpattern.evaluation.scoring import Latency
    from medpattern.pipeline.model import ModelCard, Predictor


class SplitChoice(StrEnum):
    """Which part of a data set."""

    TRAIN = "train"
    VAL = "val"
    TEST = "test"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Material:
    """What figures are made of: scores, and what is known of where they come from."""

    table: ScoreTable
    digest: str | None = None
    latency: Latency | None = None
    notes: tuple[str, ...] = ()
    counts: dict[str, Any] = field(default_factory=dict)


def evaluate(
    model: ModelArgument = None,
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="PATH", help="Films: a folder in the original layout, the shared set's folder "
                     "or tar, or PneumoniaMNIST's npz.", show_default=False),
    ] = None,
    split: Annotated[
        SplitChoice | None,
        typer.Option(help="With --data: which films. Default: the last of train, val and test that there is.",
                     show_default=False),
    ] = None,
    from_scores: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Saved scores in place of films; each set in it has its table.",
                     show_default=False),
    ] = None,
    from_reviews: Annotated[
        bool,
        typer.Option("--from-reviews", help="Readers' verdicts on the model's results in place of films; the database "
                     "is MEDPATTERN_DATABASE_URL_FILE's."),
    ] = False,
    operating_point: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only this operating point. Default: all.", show_default=False)
    ] = None,
    burned_in: Annotated[
        bool,
        typer.Option("--burned-in", help="With --data: once more with invented patients' names burned in, and what "
                     "that changes."),
    ] = False,
    scores_out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Save the scores as CSV.", show_default=False)
    ] = None,
    resamples: Annotated[int, typer.Option(min=1, help="Of the bootstrap by patient that makes the intervals.")] = 2000,
    seed: Annotated[int, typer.Option(min=0, help="Of the bootstrap.")] = 0,
    strict: Annotated[
        bool, typer.Option("--strict", help="With --data: refuse films whose file names say no patient.")
    ] = False,
    output: OutputOption = Output.TEXT,
) -> None:  # fmt: skip
    """Measures a model: AUC, calibration, and at each operating point sensitivity, specificity and accuracy.

    With 95 % intervals by patient. An unsure outcome counts as pneumonia, since a person looks; a film that the gate
    refuses counts as wrong. Films go through the service's own decoding and preparation, one by one on one thread:
    on one machine the figures repeat to the digit.

    Example: medpattern model evaluate --data chest_xray --split test
    """
    _check_sources(data, from_scores, from_reviews)
    if data is None and (split or burned_in or strict):
        raise UsageError("--split, --burned-in and --strict choose films: give --data with them")
    if scores_out is not None and not scores_out.parent.is_dir():  # told before the films are scored, not after
        raise UsageError(f"{scores_out} cannot be written: there is no folder {scores_out.parent}")
    check_libraries()
    from medpattern.evaluation.evaluating import Resampling, chosen_points, set_figures, text_changes

    predictor = _model(model, operating_point)
    if data is not None:
        material = _films(predictor, data, split, burned_in=burned_in, strict=strict)
    elif from_scores is not None:
        material = _saved(from_scores)
    else:
        material = _reviews(predictor)
    if scores_out is not None:
        material.table.write(scores_out)
    resampling, card = Resampling(resamples, seed), predictor.card
    points = chosen_points(card, operating_point)
    figures = [set_figures(material.table.of(name), card, points, resampling) for name in material.table.sets]
    changes = text_changes(material.table, card, points, resampling)
    for note in material.notes:
        console.say(note)
    if output is Output.JSON:
        console.data_json(_document(predictor, material, figures, changes, resampling))
    else:
        for line in _lines(predictor, material, figures, changes):
            console.data(line)


def _check_sources(data: Path | None, from_scores: Path | None, from_reviews: bool) -> None:
    given = [data is not None, from_scores is not None, from_reviews]
    if sum(given) != 1:
        wrong = "nothing to measure on" if not any(given) else "several things to measure on"
        raise UsageError(f"{wrong}: give one of --data PATH, --from-scores FILE and --from-reviews")


def _model(path: Path | None, operating_point: str | None) -> Predictor:
    """The model, which this machine computes as its card expects. Raises UsageError."""
    from medpattern.pipeline.model import ModelError

    predictor = open_model(path)
    try:
        predictor.card.operating_point(operating_point)
        predictor.warm_up()
    except ModelError as error:
        raise UsageError(error.detail) from None
    return predictor


def _films(predictor: Predictor, data: Path, split: SplitChoice | None, *, burned_in: bool, strict: bool) -> Material:
    from medpattern.evaluation.evaluating import TEXT
    from medpattern.evaluation.films import data_digest, load_films
    from medpattern.evaluation.scoring import score_films, with_names

    name, films = _of_split(load_films(data, strict=strict), split, data)
    with progress("scoring") as tell:
        scored = score_films(predictor, films, name, progress=tell)
    table = scored.table
    if burned_in:
        with progress("scoring with names burned in") as tell:
            table += score_films(predictor, films, name + TEXT, read=with_names, progress=tell).table
    return Material(table, data_digest(films), scored.latency, tuple(_notes(films)))


def _of_split(films: Sequence[Film], split: SplitChoice | None, data: Path) -> tuple[str, list[Film]]:
    """The set's name and its films."""
    from medpattern.evaluation.films import SPLITS

    if split is SplitChoice.ALL:
        return split.value, list(films)
    there = [name for name in SPLITS if any(film.split == name for film in films)]
    wanted = there[-1] if split is None else split.value
    if wanted not in there:
        raise UsageError(f"{data} has no films of the split {wanted}; it has {', '.join(there)}")
    return wanted, [film for film in films if film.split == wanted]


def _notes(films: Sequence[Film]) -> Iterator[str]:
    """What a person should know of the films before believing an interval."""
    alone = sum(film.patient == film.name for film in films)
    if alone:
        yield f"{console.number(alone, 'film')} of {len(films)} of an unknown patient: each counts as one of its own"
    twice = sum(film.duplicate for film in films)
    if twice:
        yield f"{console.number(twice, 'film')} of {len(films)} with the pixels of another; all count"


def _saved(path: Path) -> Material:
    from medpattern.evaluation.scores import ScoreTable

    table = ScoreTable.read(path)
    if not len(table):
        raise UsageError(f"{path} holds no scores")
    return Material(table)


def _reviews(predictor: Predictor) -> Material:
    from medpattern.evaluation.reviews import read_reviews
    from medpattern.pipeline.database.engine import open_engine
    from medpattern.pipeline.settings import read_database_url

    environment = stages.begin()
    url = read_database_url(environment)
    environment.check()
    found = read_reviews(open_engine(url, connections=1), predictor.sha256)
    if not len(found.table):
        raise UsageError(
            f"no reader's verdict labels a result of the model {predictor.card.name} {predictor.card.version} "
            f"(sha256 {predictor.sha256[:12]}...): {console.number(found.reviewed, 'result')} with a verdict"
        )
    out = ", ".join(f"{why} {number}" for why, number in sorted(found.left_out.items())) or "none"
    counts = {"reviewed": found.reviewed, "labelled": len(found.table), "leftOut": dict(sorted(found.left_out.items()))}
    words = f"{len(found.table)} of {console.number(found.reviewed, 'result')} with a verdict; left out: {out}"
    return Material(
        found.table, notes=(words, "readers had seen the outcome: figures of use, not of a trial"), counts=counts
    )


def _lines(
    predictor: Predictor, material: Material, figures: Sequence[SetFigures], changes: Sequence[Change]
) -> Iterator[str]:
    from medpattern.evaluation.tables import change_lines, label, latency_lines, set_lines

    card = predictor.card
    yield label("model", f"{card.name} {card.version}" + (", a stand-in" if card.stand_in else ""))
    yield label("sha256", predictor.sha256)
    if material.digest:
        yield label("data", material.digest)
    if material.latency:
        yield from latency_lines(material.latency)
    for one in figures:
        yield ""
        yield from set_lines(one, card.default_operating_point)
    for one_change in changes:
        yield ""
        yield from change_lines(one_change)


def _document(
    predictor: Predictor,
    material: Material,
    figures: Sequence[SetFigures],
    changes: Sequence[Change],
    resampling: Resampling,
) -> dict[str, Any]:
    from medpattern.evaluation.documents import change_document, latency_document, resampling_document, set_document

    return {
        "model": _model_document(predictor.card, predictor.sha256),
        "dataDigest": material.digest,
        "intervals": resampling_document(resampling),
        "latency": latency_document(material.latency) if material.latency else None,
        "reviews": material.counts or None,
        "sets": [set_document(one) for one in figures],
        "burnedIn": [change_document(one) for one in changes],
    }


def _model_document(card: ModelCard, sha256: str) -> dict[str, Any]:
    return {
        "name": card.name,
        "version": card.version,
        "standIn": card.stand_in,
        "sha256": sha256,
        "defaultOperatingPoint": card.default_operating_point,
        "gateThreshold": card.gate_threshold,
    }
