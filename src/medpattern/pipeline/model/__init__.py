"""The model: its card, the loaded file, and what its scores mean for one image."""

from medpattern.pipeline.model.assessment import (
    Assessment,
    AssessmentSettings,
    Attribute,
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
    "Assessment",
    "AssessmentSettings",
    "Attribute",
    "IntendedUse",
    "ModelCard",
    "ModelError",
    "OperatingPoint",
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
