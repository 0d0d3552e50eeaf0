"""The Open Inference Protocol v2: encoded images in, scores and outcomes out.

https://github.com/kserve/open-inference-protocol, with its binary tensor extension: a request may carry its
tensors after the JSON, whose length Inference-Header-Content-Length tells; 0 means that the body is one image.
In JSON an image is base64 text.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from medpattern.errors import MedpatternError
from medpattern.pipeline.events.results import STATEMENT

if TYPE_CHECKING:
    from medpattern.pipeline.model.assessment import Assessment
    from medpattern.pipeline.model.card import ModelCard

INPUT = "image"
HEADER_LENGTH = "inference-header-content-length"
MOST_IMAGES = 32
OUTPUTS = {"score": "FP32", "outcome": "BYTES", "reason": "BYTES"}


class BadInferenceRequestError(MedpatternError):
    """The request breaks the protocol; the text says how. Answered with 400."""


class InferenceRequest:
    """The images of a request, its id, and the outputs that it asks for."""

    __slots__ = ("identifier", "images", "outputs")

    def __init__(self, images: Sequence[bytes], identifier: str | None, outputs: Sequence[str]) -> None:
        self.images = images
        self.identifier = identifier
        self.outputs = outputs


def read_request(header_length: str | None, body: bytes) -> InferenceRequest:
    """The request in `body`; `header_length` is the header of the binary extension, or None.

    Raises:
        BadInferenceRequestError: it is none.
    """
    if header_length is None:
        return _from_json(_parse(body), b"")
    if not header_length.isdecimal() or int(header_length) > len(body):
        raise BadInferenceRequestError("Inference-Header-Content-Length is no length within the body")
    length = int(header_length)
    if length == 0:
        return InferenceRequest([body], None, tuple(OUTPUTS))
    return _from_json(_parse(body[:length]), body[length:])


def _parse(text: bytes) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise BadInferenceRequestError("the request is no JSON") from None
    if not isinstance(value, dict):
        raise BadInferenceRequestError("the request is no JSON object")
    return value


def _from_json(value: dict[str, Any], binary: bytes) -> InferenceRequest:
    identifier = value.get("id")
    if identifier is not None and not isinstance(identifier, str):
        raise BadInferenceRequestError("id is no text")
    inputs = value.get("inputs")
    if not isinstance(inputs, list) or len(inputs) != 1 or not isinstance(inputs[0], dict):
        raise BadInferenceRequestError(f"inputs is no list of the one tensor {INPUT!r}")
    return InferenceRequest(_images(inputs[0], binary), identifier, _outputs(value.get("outputs")))


def _images(tensor: dict[str, Any], binary: bytes) -> list[bytes]:
    if tensor.get("name") != INPUT or tensor.get("datatype") != "BYTES":
        raise BadInferenceRequestError(f"the input is named {INPUT!r} and has datatype BYTES: encoded images")
    shape = tensor.get("shape")
    whole = isinstance(shape, list) and all(type(side) is int and side >= 0 for side in shape)
    if not whole or len(shape or ()) not in (1, 2) or (len(shape or ()) == 2 and shape[1] != 1):  # type: ignore[index]
        raise BadInferenceRequestError("shape is [n] or [n, 1]: one encoded image each")
    parameters = tensor.get("parameters") or {}
    if isinstance(parameters, dict) and "binary_data_size" in parameters:
        images = _from_binary(parameters["binary_data_size"], binary)
    else:
        images = _from_texts(tensor.get("data"))
    if len(images) != shape[0]:  # type: ignore[index]
        raise BadInferenceRequestError("the number of images is not that of the shape")
    if not 1 <= len(images) <= MOST_IMAGES:
        raise BadInferenceRequestError(f"1 to {MOST_IMAGES} images are taken at once")
    return images


def _from_texts(data: object) -> list[bytes]:
    if not isinstance(data, list):
        raise BadInferenceRequestError("data is no list")
    flat = [item for entry in data for item in (entry if isinstance(entry, list) else [entry])]
    images = []
    for item in flat:
        if not isinstance(item, str):
            raise BadInferenceRequestError("an image in JSON is base64 text")
        try:
            images.append(base64.b64decode(item, validate=True))
        except (ValueError, binascii.Error):
            raise BadInferenceRequestError("an image in JSON is base64 text") from None
    return images


def _from_binary(size: object, binary: bytes) -> list[bytes]:
    if type(size) is not int or size != len(binary):
        raise BadInferenceRequestError("binary_data_size is not the length of what follows the JSON")
    images = []
    at = 0
    while at < len(binary):
        length = int.from_bytes(binary[at : at + 4], "little")
        if at + 4 + length > len(binary):
            raise BadInferenceRequestError("an image is longer than its tensor; each begins with its length in 4 bytes")
        images.append(binary[at + 4 : at + 4 + length])
        at += 4 + length
    return images


def _outputs(wanted: object) -> tuple[str, ...]:
    if wanted is None:
        return tuple(OUTPUTS)
    if not isinstance(wanted, list) or not all(isinstance(item, dict) for item in wanted):
        raise BadInferenceRequestError("outputs is no list of objects")
    names = tuple(item.get("name") for item in wanted)
    if unknown := [name for name in names if name not in OUTPUTS]:
        raise BadInferenceRequestError(f"no output {unknown[0]!r:.64}; there are {', '.join(OUTPUTS)}")
    return names


def answer(request: InferenceRequest, card: ModelCard, assessments: Sequence[Assessment]) -> dict[str, Any]:
    """The answer's JSON, one element of each output for each image."""
    values = {
        "score": [found.score for found in assessments],
        "outcome": [found.outcome for found in assessments],
        "reason": [found.reason for found in assessments],
    }
    outputs = [
        {"name": name, "shape": [len(assessments)], "datatype": OUTPUTS[name], "data": values[name]}
        for name in request.outputs
    ]
    found: dict[str, Any] = {"model_name": card.name, "model_version": card.version}
    found |= {"id": request.identifier} if request.identifier is not None else {}
    return found | {"parameters": {"statement": STATEMENT, "stand_in": card.stand_in}, "outputs": outputs}


def metadata(card: ModelCard) -> dict[str, Any]:
    """What the protocol tells of a model."""
    return {
        "name": card.name,
        "versions": [card.version],
        "platform": "onnx_onnxv1",
        "inputs": [{"name": INPUT, "datatype": "BYTES", "shape": [-1]}],
        "outputs": [{"name": name, "datatype": kind, "shape": [-1]} for name, kind in OUTPUTS.items()],
    }


def server_metadata(version: str) -> dict[str, Any]:
    """What the protocol tells of a server."""
    return {"name": "medpattern", "version": version, "extensions": ["binary_tensor_data"]}
