"""Why an event was given up, as far as the headers of whoever gave it up can be believed.

A Knative source adds `ce-knativeerrorcode` (the last status) and `ce-knativeerrordata` (base64 of the answer's
body, cut short). Only this program's own answers (http/responses.py) are quoted: a proxy's page, or a body that
somebody else's service wrote, may hold anything.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from medpattern.pipeline.events.cloudevents import CloudEvent

REASON = re.compile(r"[a-z0-9-]{1,64}", re.ASCII)
LONGEST_DETAIL = 200
NO_ANSWER = "no-answer"

_CODE, _DATA = "knativeerrorcode", "knativeerrordata"
# What whoever gave it up added; `attempts` is of medpattern's own source.
_ADDED = {_CODE, _DATA, "knativeerrordest", "attempts"}
# What a Knative source itself tries again; everything else it gives up at once.
_PASSING = {404, 408, 409, 429}
_UNSAFE = re.compile(r"[^A-Za-z0-9 .,:/()_-]", re.ASCII)
# Read by pattern, not as JSON: the body may be cut anywhere behind the part that is wanted.
_PROBLEM = re.compile(
    r'\s*\{\s*"type"\s*:\s*"about:blank"\s*,\s*"status"\s*:\s*\d{3}\s*,\s*"reason"\s*:\s*"([^"]{1,80})"'
    r'(?:\s*,\s*"detail"\s*:\s*"((?:[^"\\]|\\.){0,2000})")?',
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Cause:
    """`reason` is a code of a-z, 0-9 and hyphens; `retryable` says whether a repeat can help."""

    reason: str
    detail: str
    retryable: bool


def cause_of(extensions: Mapping[str, str]) -> Cause:
    """The cause in the attributes of a dead-lettered event."""
    status = _status(extensions.get(_CODE, ""))
    reason, detail = _own_problem(_decoded(extensions.get(_DATA, "")))
    if status is None:
        return Cause(reason or NO_ANSWER, detail, retryable=True)
    return Cause(reason or f"http-{status}", detail, retryable=status >= 500 or status in _PASSING)


def original_of(event: CloudEvent) -> CloudEvent:
    """`event` as it was before somebody gave it up."""
    return replace(event, extensions={name: text for name, text in event.extensions.items() if name not in _ADDED})


def _status(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[1-5][0-9]{2}", text, re.ASCII) else None


def _decoded(text: str) -> str:
    whole = text.strip().rstrip("=")
    # One character too many encodes nothing: there it was cut.
    whole = whole[:-1] if len(whole) % 4 == 1 else whole
    try:
        data = base64.b64decode(whole + "=" * (-len(whole) % 4), validate=True)
    except (ValueError, binascii.Error):
        return ""
    return data.decode("utf-8", "replace")


def _own_problem(body: str) -> tuple[str, str]:
    found = _PROBLEM.match(body)
    if found is None or not REASON.fullmatch(found[1]):
        return "", ""
    try:
        detail: str = json.loads(f'"{found[2] or ""}"')
    except ValueError:
        detail = ""
    return found[1], _UNSAFE.sub("", detail)[:LONGEST_DETAIL].strip()
