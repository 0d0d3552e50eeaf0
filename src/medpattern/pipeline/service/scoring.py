"""From the bytes of an image to what the model says of it: the same for events and for both prediction contracts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from medpattern.pipeline.images.decoding import decode
from medpattern.pipeline.images.prepare import prepare
from medpattern.pipeline.model.assessment import assess
from medpattern.pipeline.model.statistics import statistics
from medpattern.pipeline.service.steps import step

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from medpattern.pipeline.images.radiograph import Limits, Radiograph
    from medpattern.pipeline.model.assessment import Assessment, AssessmentSettings
    from medpattern.pipeline.model.card import ModelCard
    from medpattern.pipeline.model.predictor import Predictor


@dataclass(frozen=True, slots=True)
class Assessed:
    """The whole image, for those who publish it, its assessment, and the statistics of the model's input."""

    radiograph: Radiograph
    assessment: Assessment
    statistics: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Scorer:
    """A loaded model and how its scores are read. Safe to share between threads."""

    predictor: Predictor
    settings: AssessmentSettings
    limits: Limits

    @property
    def card(self) -> ModelCard:
        """What the model's file says of itself."""
        return self.predictor.card

    @property
    def model_sha256(self) -> str:
        """The digest of the model's file, hex."""
        return self.predictor.sha256

    def assess(self, data: bytes, *, simulated: bool = False) -> Assessed:
        """The assessment of an image, and what else there is to know of it.

        Raises:
            Unprocessable: `data` is no image that can be scored.
        """
        with step("decode"):
            radiograph = decode(data, limits=self.limits)
        with step("prepare"):
            planes = prepare(radiograph, self.card.input)
            found = statistics(planes)
        return Assessed(radiograph, self._assess(radiograph, planes, simulated=simulated), found)

    def assess_only(self, data: bytes) -> Assessment:
        """The assessment alone; a large JPEG is decoded no larger than the model needs.

        Raises:
            Unprocessable: `data` is no image that can be scored.
        """
        radiograph = decode(data, limits=self.limits, smallest_side=self.card.input.smallest_side)
        with step("prepare"):
            planes = prepare(radiograph, self.card.input)
        return self._assess(radiograph, planes, simulated=False)

    def _assess(self, radiograph: Radiograph, planes: NDArray[np.float32], *, simulated: bool) -> Assessment:
        with step("score"):
            (scores,) = self.predictor.score(planes)
        if simulated:
            # The gate knows a drawn phantom for what it is; a marked one may pass.
            scores = replace(scores, gate=None)
        return assess(scores, self.card, radiograph.facts, self.settings)
