"""Tests of the model, and the models that tests use."""

from pathlib import Path

# The stand-in: answers to drawn films, knows nothing. `stand_in.py` beside this writes it.
STAND_IN = Path(__file__).parent / "stand-in" / "model.onnx"
