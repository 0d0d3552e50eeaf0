"""Requests read within bounds, and answers that say whether a repeat can help.

2xx        done, or not ours
422        never: `reason` says why (RFC 9457, application/problem+json)
503        later; the header Medpattern-Unavailable names what is away, so that a sender holds back
           instead of counting the attempt
"""

from __future__ import annotations

import hmac
import json
import logging
from typing import TYPE_CHECKING

from starlette.responses import Response

from medpattern.pipeline.failures import Busy, PipelineError, Unavailable, Unprocessable

if TYPE_CHECKING:
    from starlette.requests import Request

UNAVAILABLE = "medpattern-unavailable"
_LOG = logging.getLogger(__name__)


# json.dumps with arguments makes an encoder for each call.
_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


class JsonResponse(Response):
    """JSON without blanks."""

    media_type = "application/json"

    def render(self, content: object) -> bytes:
        return _encode(content).encode()


async def read_body(request: Request, most_bytes: int) -> bytes:
    """The body of `request`.

    Raises:
        Unprocessable: it has more than `most_bytes`; no more than that is ever held.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > most_bytes:
        raise Unprocessable("too-large", f"the request has more than {most_bytes} bytes")
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > most_bytes:
            raise Unprocessable("too-large", f"the request has more than {most_bytes} bytes")
        parts.append(part)
    return b"".join(parts)


def problem(status: int, reason: str, detail: str = "", **headers: str) -> Response:
    """An answer in the form of RFC 9457, with this program's `reason` and whether to try again."""
    body = {"type": "about:blank", "status": status, "reason": reason, "detail": detail}
    body |= {"title": reason.replace("-", " "), "retryable": status >= 500 or status == 429}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(json.dumps(body), status, named, media_type="application/problem+json")


def failure(problem_found: Exception) -> Response:
    """The answer to an event whose handling ended so; whatever is not foreseen is logged and may be retried."""
    if isinstance(problem_found, Unprocessable):
        return problem(422, problem_found.reason, problem_found.detail)
    if isinstance(problem_found, Busy):
        return problem(503, "busy", str(problem_found), medpattern_unavailable="busy", retry_after="1")
    if isinstance(problem_found, Unavailable):
        away = problem_found.dependency
        return problem(503, f"{away}-unavailable", problem_found.detail, medpattern_unavailable=away, retry_after="2")
    if not isinstance(problem_found, PipelineError):
        _LOG.error("not foreseen", exc_info=problem_found)
    return problem(500, "internal-error")


def authorised(request: Request, token: str) -> bool:
    """Whether `request` brings `token` as its bearer token, compared in constant time; "" lets everyone in."""
    given = request.headers.get("authorization", "")
    return not token or hmac.compare_digest(given.encode("latin-1", "replace"), f"Bearer {token}".encode())


def unauthorised() -> Response:
    """The answer to whoever brings no token, or a wrong one."""
    return problem(401, "unauthorised", "a bearer token is wanted", www_authenticate="Bearer")
