"""The model: its card, the loaded file, and what its scores mean for one image."""

from medpattern.pipeline.model.assessment import (
    NOT_FOR_DIAGNOSIS,
    Assessment,
    AssessmentSettings,
    Attribute,
    Outcome,
    assess,
    corrected,
)
from medpattern.pipeline.model.card import (
    IntendedUse,
    ModelCard,
    ModelError,
    OperatingPoint,
    Outputs,
    Reference,
    TestInput,
    parse_card,
)
from medpattern.pipeline.model.predictor import Predictor, Scores
from medpattern.pipeline.model.shipped import Shipped, shipped

__all__ = [
    "NOT_FOR_DIAGNOSIS",
    "Assessment",
    "AssessmentSettings",
    "Attribute",
    "IntendedUse",
    "ModelCard",
    "ModelError",
    "OperatingPoint",
    "Outcome",
    "Outputs",
    "Predictor",
    "Reference",
    "Scores",
    "Shipped",
    "TestInput",
    "assess",
    "corrected",
    "parse_card",
    "shipped",
]
