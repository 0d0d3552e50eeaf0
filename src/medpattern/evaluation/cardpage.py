"""A model's card as a page: Markdown and pictures, from its file and its saved evidence alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np

from medpattern.evaluation import cardtables as made
from medpattern.evaluation import figures
from medpattern.evaluation.evaluating import Resampling, SetFigures, chosen_points, set_figures, text_changes
from medpattern.evaluation.evidence import OUT_OF_FOLD, VALIDATION
from medpattern.evaluation.film import DataError
from medpattern.evaluation.gating import LEAST_STRANGERS, MOST_FILMS, refusals
from medpattern.evaluation.metrics import reliability
from medpattern.evaluation.operating import decide
from medpattern.evaluation.robustness import robustness_rows
from medpattern.evaluation.scores import ScoreTable
from medpattern.evaluation.tables import number, percent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from medpattern.evaluation.bootstrap import Figure
    from medpattern.evaluation.evidence import Evidence
    from medpattern.evaluation.figures import Picture
    from medpattern.evaluation.scores import ScoreRow
    from medpattern.pipeline.model import ModelCard, OperatingPoint

TEMPLATE = "model-card.md.j2"
# How many failures of a kind are named.
WORST = 8
LEAST_CENTRAL = 0.80


@dataclass(frozen=True, slots=True)
class Page:
    """A page and its pictures, which lie in a folder beside it, named like the page."""

    text: str
    pictures: tuple[Picture, ...]


@dataclass(frozen=True, slots=True)
class Model:
    """What the page says of the model's file: its card, its digest (hexadecimal), its size in bytes."""

    card: ModelCard
    sha256: str
    size: int


def model_page(model: Model, evidence: Evidence, shown: str, folder: str, resampling: Resampling) -> Page:
    """The page; it calls the folder of the evidence `shown`, and that of its pictures `folder`.

    Raises:
        DataError: the evidence is of another file, or the model has no gate.
    """
    if evidence.training.sha256 != model.sha256:
        raise DataError(
            f"the evidence in {shown} is of the model with the sha256 {evidence.training.sha256}, not of this one, "
            f"{model.sha256}"
        )
    if model.card.gate_threshold is None:
        raise DataError("the model has no input gate; the page has nothing to say of it")
    figured = _Figured(model.card, model.card.gate_threshold, evidence, resampling)
    pictures = figured.pictures()
    words = {
        **_facts(model, evidence, shown),
        "folder": folder,
        "resamples": f"{resampling.resamples:,}".replace(",", " "),
        "gate": figured.gate(),
        "central": percent(evidence.explanation.central_share),
        "central_met": made.aim(evidence.explanation.central_share, least=LEAST_CENTRAL),
        "refused_more": figured.refused_more(),
        "tables": figured.tables(),
        "pictures": {picture.name.removesuffix(".svg"): picture for picture in pictures},
    }
    return Page(_rendered(words), pictures)


def _facts(model: Model, evidence: Evidence, shown: str) -> dict[str, Any]:
    """What is no figure."""
    card, training = model.card, evidence.training
    method = card.calibration.get("method")
    return {
        "card": card,
        "training": training,
        "shortcuts": evidence.shortcuts,
        "explanation": evidence.explanation,
        "speed": evidence.speed,
        "evidence": shown,
        "format": next(one.format for one in training.candidates if one.shipped),
        "size": f"{model.size / 1e6:.2f}",
        "method": f" ({method})" if method else "",
        "libraries": "".join(f", {name} {version}" for name, version in sorted(training.libraries.items())),
        "use": _use(card),
        "command": {
            "validation": f"medpattern model evaluate --from-scores {shown}/val.csv",
            "out_of_fold": f"medpattern model evaluate --from-scores {shown}/oof.csv",
            "robustness": f"medpattern model robustness --scores {shown}/robustness.csv",
            "card": f"medpattern model card --evidence {shown}",
        },
    }


def _use(card: ModelCard) -> str:
    """The intended use in the file, in words."""
    use = card.intended_use
    ages = f" of children aged {use.age_years[0]:g} to {use.age_years[1]:g}" if use.age_years else ""
    lines = [f"Frontal chest films{ages}. The service refuses to claim more: a film that says otherwise of itself is"]
    lines.append("`unsure`, whatever its score. The file's own words, in DICOM's codes:")
    codes = {"modalities": use.modalities, "parts of the body": use.body_parts, "views": use.views}
    known = [f"{name} {', '.join(values)}" for name, values in codes.items() if values]
    return "\n".join([*lines, "; ".join(known) + "."])


def _rendered(words: Mapping[str, Any]) -> str:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True, autoescape=False)  # noqa: S701  Markdown, of our own files
    source = files(__package__).joinpath(TEMPLATE).read_text("utf-8")
    return environment.from_string(source).render(words)


@dataclass(frozen=True)
class _Figured:
    """All figures of one model's evidence, each made once."""

    card: ModelCard
    threshold: float
    evidence: Evidence
    resampling: Resampling

    @property
    def default(self) -> str:
        return self.card.default_operating_point

    @cached_property
    def points(self) -> tuple[OperatingPoint, ...]:
        return chosen_points(self.card)

    @cached_property
    def clean(self) -> ScoreTable:
        """The validation films as they are."""
        return self.evidence.validation.of(VALIDATION)

    @cached_property
    def validation(self) -> SetFigures:
        return self._figures(self.clean)

    @cached_property
    def out_of_fold(self) -> SetFigures:
        return self._figures(self.evidence.out_of_fold.of(OUT_OF_FOLD))

    @cached_property
    def shifted(self) -> ScoreTable:
        """All shifted films out of the fold as one set, in which a film may come more than once."""
        rows = (row for row in self.evidence.out_of_fold.rows if row.set != OUT_OF_FOLD)
        return ScoreTable(tuple(replace(row, set="shifted") for row in rows))

    def _figures(self, table: ScoreTable) -> SetFigures:
        return set_figures(table, self.card, self.points, self.resampling)

    def tables(self) -> dict[str, str]:
        """The page's tables; one that the evidence has nothing for is empty."""
        training, evidence = self.evidence.training, self.evidence
        return {
            "phases": made.phase_table(training.phases),
            "candidates": made.candidate_table(training.candidates),
            "sets": made.set_table(self._sets()),
            "points": made.point_table(self.validation, self.default),
            "confusion": made.confusion_table(self.validation, self.default),
            "subgroups": made.subgroup_table(self.validation),
            "predictive": made.predictive_table(self.validation),
            "out_of_fold": made.point_table(self.out_of_fold, self.default),
            "shifts": self._shift_table(),
            "changes": self._change_table(),
            "robustness": made.robustness_table(robustness_rows(evidence.robustness, self.card)),
            "shortcuts": made.shortcut_table(evidence.shortcuts.tests),
            "speed": made.speed_table(evidence.speed),
            **{name: self._gate_table(held_out=name == "unknown") for name in ("known", "unknown")},
            **self._failure_tables(),
        }

    def _sets(self) -> dict[str, SetFigures]:
        found = {"validation": self.validation, "out of the fold": self.out_of_fold}
        return found | ({"out of the fold, shifted": self._figures(self.shifted)} if len(self.shifted) else {})

    def _shift_table(self) -> str:
        table = self.evidence.out_of_fold
        names = sorted(name for name in table.sets if name != OUT_OF_FOLD)
        if not names:
            return ""
        return made.shift_table([self._figures(table.of(name)) for name in names], self.default)

    def _change_table(self) -> str:
        changes = text_changes(self.evidence.validation, self.card, self.points, self.resampling)
        return made.change_table(changes[0]) if changes else ""

    def _gate_table(self, *, held_out: bool) -> str:
        found = refusals(self.evidence.strangers, self.threshold, self.resampling, held_out=held_out)
        return made.gate_table([*found.families, found.together]) if found else ""

    def gate(self) -> dict[str, str]:
        """What the page says of the gate in a sentence."""
        words = {
            "films": percent(self.out_of_fold.refused),
            "films_met": made.aim(self.out_of_fold.refused, most=MOST_FILMS),
            "most": f"{100 * MOST_FILMS:g}",
            "least": f"{100 * LEAST_STRANGERS:g}",
        }
        for name, held_out in (("known", False), ("unknown", True)):
            found = refusals(self.evidence.strangers, self.threshold, self.resampling, held_out=held_out)
            words[name] = percent(found.together.refused) if found else ""
            words[f"{name}_met"] = made.aim(found.together.refused, least=LEAST_STRANGERS) if found else ""
        return words

    def _failure_tables(self) -> dict[str, str]:
        said = decide(self.clean, self.card.operating_point(), self.threshold)
        films = [(row, str(outcome)) for row, outcome in zip(self.clean.rows, said.outcomes, strict=True)]
        by_score = sorted(films, key=lambda film: (film[0].score, film[0].name))
        refused = [film for film, out in zip(films, said.refused, strict=True) if out]
        return {
            "missed": made.failure_table([film for film in by_score if film[0].pneumonia][:WORST]),
            "alarms": made.failure_table([film for film in reversed(by_score) if not film[0].pneumonia][:WORST]),
            "refused": made.failure_table(sorted(refused, key=_by_gate)[:WORST]) if refused else "",
        }

    def refused_more(self) -> str:
        """That not all refused films are named, where that is so."""
        count = int(np.count_nonzero(decide(self.clean, self.points[0], self.threshold).refused))
        return f", {WORST} of {count}" if count > WORST else ""

    def pictures(self) -> tuple[Picture, ...]:
        """The page's pictures."""
        curves = [("validation", self.clean), ("out of the fold", self.evidence.out_of_fold.of(OUT_OF_FOLD))]
        bins = reliability(self.clean.pneumonia, self.clean.score)
        return (
            figures.roc(curves, self.validation.points, self._roc_words()),
            figures.reliability(bins, self._reliability_words()),
            figures.scores(self.clean, self.card.operating_point(), self._scores_words()),
        )

    def _roc_words(self) -> str:
        points = ", ".join(
            f"{item.point.name} {percent(_alone(item.sensitivity))} % of pneumonia at "
            f"{percent(_alone(item.specificity))} % specificity"
            for item in self.validation.points
        )
        return (
            f"ROC curves. Area {number(_alone(self.validation.auc))} on validation films, "
            f"{number(_alone(self.out_of_fold.auc))} out of the fold. Operating points: {points}."
        )

    def _reliability_words(self) -> str:
        return (
            "Reliability diagram of the validation films: mean score of each bin against the share of films with "
            f"pneumonia. Expected calibration error {number(_alone(self.validation.ece))}."
        )

    def _scores_words(self) -> str:
        point = self.card.operating_point()
        return (
            "Histogram of the validation films' scores, normal and pneumonia. "
            f"The band of {point.name} lies from {point.low:g} to {point.high:g}."
        )


def _alone(figure: Figure) -> Figure:
    """The figure without its interval."""
    return replace(figure, low=None, high=None)


def _by_gate(film: tuple[ScoreRow, str]) -> tuple[float, str]:
    return film[0].gate or 0.0, film[0].name
