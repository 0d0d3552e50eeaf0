"""The contract of the AI Library: a SeldonMessage of Seldon v0.1 in JSON.

`strData` names an image as bucket/key, in a declared source bucket and never as a path or a URL; `binData` is
an image in base64. The answer has the same form.
"""

from __future__ import annotations

import base64
import binascii
import json
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from medpattern.errors import MedpatternError
from medpattern.pipeline.events.results import STATEMENT

if TYPE_CHECKING:
    from medpattern.pipeline.model.assessment import Assessment
    from medpattern.pipeline.model.card import ModelCard

_KINDS = ("strData", "binData", "jsonData", "data", "customData")
_LONGEST_REFERENCE = 1300


class BadPredictionRequestError(MedpatternError):
    """The message breaks the contract; the text says how. Answered with 400."""


@dataclass(frozen=True, slots=True)
class PredictionRequest:
    """An image, or the `bucket` and `key` where it lies."""

    puid: str
    data: bytes | None = field(default=None, repr=False)
    bucket: str = ""
    key: str = field(default="", repr=False)


def read_message(body: bytes) -> PredictionRequest:
    """The request in `body`.

    Raises:
        BadPredictionRequestError: it is none.
    """
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        raise BadPredictionRequestError("the body is no JSON") from None
    if not isinstance(message, dict):
        raise BadPredictionRequestError("the body is no SeldonMessage")
    kinds = [kind for kind in _KINDS if kind in message]
    if len(kinds) != 1 or kinds[0] not in ("strData", "binData") or not isinstance(message[kinds[0]], str):
        raise BadPredictionRequestError("exactly one of strData (bucket/key) and binData (base64) is taken, as text")
    puid = _puid(message.get("meta"))
    text = message[kinds[0]]
    if kinds[0] == "binData":
        try:
            return PredictionRequest(puid, base64.b64decode(text, validate=True))
        except (ValueError, binascii.Error):
            raise BadPredictionRequestError("binData is no base64") from None
    bucket, _, key = text.partition("/")
    if not bucket or not key or len(text) > _LONGEST_REFERENCE or not text.isprintable():
        raise BadPredictionRequestError("strData is no bucket/key")
    return PredictionRequest(puid, None, bucket, key)


def _puid(meta: object) -> str:
    found = meta.get("puid") if isinstance(meta, dict) else None
    return found if isinstance(found, str) and 0 < len(found) <= 128 else uuid.uuid4().hex


def answer(request: PredictionRequest, card: ModelCard, found: Assessment) -> dict[str, Any]:
    """The answer: `data` for an image that was sent, `strData` for one that was named."""
    tags = {"model": card.name, "version": card.version, "standIn": card.stand_in, "statement": STATEMENT}
    meta = {"puid": request.puid, "tags": tags}
    said = {"outcome": found.outcome, "reason": found.reason, "risk": found.risk, "score": found.score}
    if request.data is None:
        return {"meta": meta, "strData": json.dumps(said | {"statement": STATEMENT})}
    return {"meta": meta, "data": {"names": list(said), "ndarray": [list(said.values())]}}


def failure(status: int, reason: str, detail: str) -> dict[str, Any]:
    """The contract's form of an error."""
    return {"status": {"code": status, "info": detail, "reason": reason, "status": "FAILURE"}}
