"""The loaded model: an ONNX file, checked, on one onnxruntime session."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256 as sha256_of
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np

from medpattern.pipeline.failures import Unprocessable
from medpattern.pipeline.images import decode, prepare
from medpattern.pipeline.model.card import METADATA_KEY, ModelCard, ModelError, TestInput, parse_card

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from onnxruntime import InferenceSession


@dataclass(frozen=True, slots=True)
class Scores:
    """What the model says of one image: the calibrated score, and the gate's answer where it has one; both 0 to 1."""

    score: float
    gate: float | None = None


class Predictor:
    """A model ready to score; safe to share between threads."""

    def __init__(self, session: InferenceSession, card: ModelCard, sha256: str) -> None:
        """Use `load`."""
        self.card = card
        self.sha256 = sha256
        self._session = session
        self._outputs = [name for name in (card.outputs.score, card.outputs.gate) if name]

    @classmethod
    def load(cls, path: Path, sha256: str | None = None, threads: int = 1) -> Predictor:
        """The model in the file `path`, whose digest must be `sha256` (hexadecimal) where one is given.

        `threads` work inside one inference. Raises ModelError if the file is not there, is another one, is no ONNX
        model, or its card is missing or wrong.
        """
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ModelError(f"{path} cannot be read: {error.strerror}") from error
        digest = sha256_of(data).hexdigest()
        if sha256 is not None and sha256.removeprefix("sha256:").lower() != digest:
            raise ModelError(f"{path} has the sha256 {digest}, not {sha256}; deploy the file that the values pin")
        session = _session(data, threads)
        text = session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
        if text is None:
            raise ModelError(f"{path} has no card: the metadata key {METADATA_KEY!r} is missing")
        card = parse_card(text)
        _check_graph(session, card)
        return cls(session, card, digest)

    def score(self, batch: NDArray[np.float32]) -> tuple[Scores, ...]:
        """Scores of each image in `batch`, float32 of shape (N, channels, height, width) as prepare() makes it.

        Raises Unprocessable (reason `not-a-number`) if input or output is not finite.
        """
        outputs = self._session.run(self._outputs, {self.card.input.name: batch})
        columns = [np.asarray(output, np.float64).reshape(len(batch)).tolist() for output in outputs]
        return tuple(_checked(*values) for values in zip(*columns, strict=True))

    def warm_up(self) -> None:
        """Score the card's test inputs, through decoding and preparation.

        Raises ModelError that names the test input and both numbers if one differs by more than its tolerance.
        """
        for test in self.card.test_inputs:
            try:
                radiograph = decode(test.image, smallest_side=self.card.input.smallest_side)
                (scores,) = self.score(prepare(radiograph, self.card.input))
            except Unprocessable as error:
                raise ModelError(f"warm-up: test input {test.name!r} cannot be scored: {error}") from error
            _compare(test, "score", test.score, scores.score)
            if test.gate is not None:
                _compare(test, "gate", test.gate, scores.gate)


def _session(data: bytes, threads: int) -> InferenceSession:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # A spinning thread burns the core that the next request needs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own exceptions share no base class but this
        raise ModelError(f"onnxruntime cannot load the model: {type(error).__name__}") from error


def _check_graph(session: InferenceSession, card: ModelCard) -> None:
    """That the graph has the input and outputs its card names, so that a mismatch shows at the start."""
    inputs = {item.name: item for item in session.get_inputs()}
    outputs = {item.name for item in session.get_outputs()}
    if set(inputs) != {card.input.name}:
        raise ModelError(f"the card names the input {card.input.name!r}, the graph has {sorted(inputs)}")
    wanted = [card.input.channels, card.input.height, card.input.width]
    shape = inputs[card.input.name].shape
    if len(shape) != 4 or isinstance(shape[0], int) or list(shape[1:]) != wanted:
        raise ModelError(f"the graph's input is {shape}; the card needs [a free batch dimension, *{wanted}]")
    missing = [name for name in (card.outputs.score, card.outputs.gate) if name and name not in outputs]
    if missing:
        raise ModelError(f"the card names the outputs {missing}, the graph has {sorted(outputs)}")


def _checked(score: float, gate: float | None = None) -> Scores:
    if not isfinite(score) or (gate is not None and not isfinite(gate)):
        raise Unprocessable("not-a-number", "the model gives no number for this image")
    return Scores(score, gate)


def _compare(test: TestInput, what: str, expected: float, found: float | None) -> None:
    if found is None or abs(found - expected) > test.tolerance:
        raise ModelError(
            f"warm-up: the {what} of test input {test.name!r} is {found}, expected {expected} within {test.tolerance}; "
            "the file is damaged or this machine computes differently"
        )
