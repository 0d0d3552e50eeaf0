"""From scores to one of three outcomes, with the reason for every `unsure`."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor
from typing import TYPE_CHECKING, Literal

from medpattern.pipeline.events.results import STATEMENT, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from medpattern.pipeline.images import ImageFacts
    from medpattern.pipeline.model.card import ModelCard
    from medpattern.pipeline.model.predictor import Scores


Attribute = Literal["modality", "body-part", "view", "age"]
ATTRIBUTES: tuple[Attribute, ...] = ("modality", "body-part", "view", "age")

BETWEEN_THRESHOLDS = "between-thresholds"
NOT_A_CHEST_FILM = "not-a-frontal-chest-film"
OUTSIDE_INTENDED_USE = "outside-intended-use"


@dataclass(frozen=True, slots=True)
class AssessmentSettings:
    """A site's choices.

    `operating_point` is a name in the card (None: its default). `prevalence`, 0 to 1, is the site's share of
    pneumonia, for the risk shown. `demanded` are the attributes that must be known for any outcome but unsure.
    """

    operating_point: str | None = None
    prevalence: float | None = None
    demanded: frozenset[Attribute] = frozenset()

    def __post_init__(self) -> None:
        if self.prevalence is not None and not 0 < self.prevalence < 1:
            raise ValueError(f"a prevalence lies between 0 and 1, not at {self.prevalence}")
        if unknown := self.demanded - set(ATTRIBUTES):
            raise ValueError(f"no such attributes: {sorted(unknown)}; there are {', '.join(ATTRIBUTES)}")


DEFAULT_SETTINGS = AssessmentSettings()


@dataclass(frozen=True, slots=True)
class Assessment:
    """The outcome for one image.

    `reason` is a code, empty unless the outcome is unsure: `between-thresholds`, `not-a-frontal-chest-film`, or
    `outside-intended-use-` and the attribute, with `-unknown` behind it where a site demands what the file does not
    say. `risk` is the probability shown, 0 to 1, None when the gate refuses; `score` is the model's own number,
    which alone decides.
    """

    outcome: Outcome
    reason: str
    risk: float | None
    score: float
    gate: float | None
    operating_point: str
    model_name: str
    model_version: str
    stand_in: bool
    status: str = STATEMENT

    @property
    def explanation(self) -> str:
        """`reason` in words: `outside intended use: age unknown`."""
        if self.reason.startswith(OUTSIDE_INTENDED_USE):
            attribute = self.reason.removeprefix(OUTSIDE_INTENDED_USE + "-").replace("-", " ")
            return f"outside intended use: {attribute}"
        return {BETWEEN_THRESHOLDS: "between the thresholds", NOT_A_CHEST_FILM: "not a frontal chest film"}.get(
            self.reason, ""
        )


def assess(
    scores: Scores, card: ModelCard, facts: ImageFacts, settings: AssessmentSettings = DEFAULT_SETTINGS
) -> Assessment:
    """The assessment of one image. Raises ModelError if the card lacks the settings' operating point.

    The gate comes first, then the intended use, then the band of the operating point.
    """
    point = card.operating_point(settings.operating_point)
    refused = scores.gate is not None and card.gate_threshold is not None and scores.gate < card.gate_threshold
    outcome = Outcome.UNSURE
    if refused:
        reason = NOT_A_CHEST_FILM
    elif attribute := next(_outside(card, facts, settings), None):
        reason = f"{OUTSIDE_INTENDED_USE}-{attribute}"
    elif point.low <= scores.score < point.high:
        reason = BETWEEN_THRESHOLDS
    else:
        reason = ""
        outcome = Outcome.PNEUMONIA if scores.score >= point.high else Outcome.NORMAL
    risk = None if refused else corrected(scores.score, card.training_prevalence, settings.prevalence)
    return Assessment(
        outcome, reason, risk, scores.score, scores.gate, point.name, card.name, card.version, card.stand_in
    )


def corrected(score: float, trained: float, site: float | None) -> float:
    """The probability `score`, calibrated to the prevalence `trained`, for the prevalence `site`; all 0 to 1.

    Saerens, Latinne, Decaestecker: Adjusting the outputs of a classifier to new a priori probabilities,
    Neural Computation 14 (2002), equation 2.4, for two classes.
    """
    score = min(max(score, 0.0), 1.0)
    if site is None:
        return score
    sick = score * site / trained
    well = (1 - score) * (1 - site) / (1 - trained)
    return sick / (sick + well)


def _outside(card: ModelCard, facts: ImageFacts, settings: AssessmentSettings) -> Iterator[str]:
    """Attributes that lie outside the intended use, the unknown ones that the site demands with `-unknown`."""
    use = card.intended_use
    codes = {"modality": use.modalities, "body-part": use.body_parts, "view": use.views}
    known = {"modality": facts.modality, "body-part": facts.body_part, "view": facts.view}
    for attribute, value in known.items():
        if value is not None and codes[attribute] and value not in codes[attribute]:
            yield attribute
    # "Aged 5" lasts until the sixth birthday.
    if facts.age_years is not None and use.age_years is not None:
        first, last = use.age_years
        if not first <= floor(facts.age_years) <= last:
            yield "age"
    missing = {name for name, value in known.items() if value is None} | ({"age"} if facts.age_years is None else set())
    yield from (f"{attribute}-unknown" for attribute in ATTRIBUTES if attribute in settings.demanded & missing)
