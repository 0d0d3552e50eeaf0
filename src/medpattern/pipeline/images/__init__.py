"""X-rays as files: decoding them safely, and preparing them for the model (docs/images.md)."""

from medpattern.pipeline.images.decoding import decode
from medpattern.pipeline.images.prepare import InputContract, prepare
from medpattern.pipeline.images.radiograph import ImageFacts, Limits, Radiograph, Subject

__all__ = ["ImageFacts", "InputContract", "Limits", "Radiograph", "Subject", "decode", "prepare"]
