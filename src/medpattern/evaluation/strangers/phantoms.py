"""Films of the simulator: they look like a chest to a person, and must not be judged like one."""

from __future__ import annotations

from datetime import UTC, datetime

from numpy.random import Generator

from medpattern.evaluation.strangers.family import Pixels, quantised, sides
from medpattern.pipeline.simulation.burned_in import draw_inscriptions, inscribe
from medpattern.pipeline.simulation.patient import draw_patient
from medpattern.pipeline.simulation.phantom import draw_phantom

# Only the text of a synthetic patient depends on it.
ACQUIRED = datetime(2026, 1, 5, 8, tzinfo=UTC)


def phantom(rng: Generator) -> Pixels:
    """A phantom of the simulator, with or without consolidation."""
    pixels = draw_phantom(rng, *sides(rng), pneumonia=bool(rng.random() < 0.5)).pixels
    return quantised(pixels / 255.0)


def inscribed_phantom(rng: Generator) -> Pixels:
    """The same with a synthetic patient's name, numbers and a side marker burned in."""
    return burned_in(rng, phantom(rng))


def burned_in(rng: Generator, pixels: Pixels) -> Pixels:
    """Any picture with the text that a modality would write into it."""
    inscriptions = draw_inscriptions(rng, draw_patient(rng, ACQUIRED), *pixels.shape)
    return quantised(inscribe(pixels, inscriptions).pixels / 255.0)
