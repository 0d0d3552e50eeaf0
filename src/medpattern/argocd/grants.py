"""What an AppProject must permit: the kinds a chart can make, in any of its branches."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from medpattern.charts.source import ChartSource

GroupKind = tuple[str, str]

_DOCUMENT = re.compile(r"^---", re.MULTILINE)
_LINE = re.compile(r"^(apiVersion|kind):[ \t]*['\"]?([^\s'\"#]+)", re.MULTILINE)
_GROUP = re.compile(r"[a-z0-9.-]+\Z")
_KIND = re.compile(r"[A-Z][A-Za-z0-9]*\Z")


@lru_cache(maxsize=1024)
def _kinds_in(text: str) -> frozenset[GroupKind]:
    found = set()
    for document in _DOCUMENT.split(text):
        api_version = ""
        for word, value in _LINE.findall(document):
            if word == "apiVersion":
                api_version = value
            elif _KIND.match(value):
                group = api_version.partition("/")[0] if "/" in api_version else ""
                if not group or _GROUP.match(group):
                    found.add((group, value))
    return frozenset(found)


def possible_kinds(source: ChartSource) -> frozenset[GroupKind]:
    """(group, kind) of every manifest in the chart's templates and CRDs, whatever values decide.

    Read from the text: in a chart source kinds and groups are literal by law; an ordinary chart that
    computes them needs the application's `kinds`.
    """
    found: set[GroupKind] = set()
    for name, content in source.files.items():
        if name.endswith((".yaml", ".yml", ".tpl")) and ("templates/" in name or "crds/" in name):
            found |= _kinds_in(content.decode("utf-8", "replace"))
    return frozenset(found)


def declared_kinds(kinds: Iterable[str]) -> Iterator[GroupKind]:
    """The application's own list: "apps/Deployment", "ConfigMap"."""
    for entry in kinds:
        group, _, kind = entry.rpartition("/")
        yield group, kind
