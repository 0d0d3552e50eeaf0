"""Names that Kubernetes, Argo CD and Helm accept."""

from __future__ import annotations

import re

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?\Z")

MAX_LABEL = 63
# `helm template` refuses longer release names, and Argo CD takes the Application's name as the release's.
MAX_RELEASE_NAME = 53


def label_problem(name: str, limit: int = MAX_LABEL) -> str:
    """Why `name` is no DNS label (RFC 1123) of at most `limit` characters; empty if it is one.

    >>> label_problem("risk-assessment"), label_problem("Risk_Assessment")
    ('', "'Risk_Assessment' is no DNS label: lower case letters, digits and '-', a letter or digit at each end")
    """
    if not _LABEL.match(name):
        return f"'{name}' is no DNS label: lower case letters, digits and '-', a letter or digit at each end"
    if len(name) > limit:
        return f"'{name}' has {len(name)} characters, at most {limit} are allowed"
    return ""
