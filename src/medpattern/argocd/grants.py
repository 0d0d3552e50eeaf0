"""What an AppProject must permit: the kinds a chart can make, in any of its branches."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from medpattern.charts.source import ChartSource

GroupKind = tuple[str, str]

_DOCUMENT = re.compile(r"^---", re.MULTILINE)
_LINE = re.compile(r"^(apiVersion|kind):[ \t]*['\"]?([^'\"#\n]*)", re.MULTILINE)
_GROUP = re.compile(r"[a-z0-9.-]+\Z")
_KIND = re.compile(r"[A-Z][A-Za-z0-9]*\Z")


@lru_cache(maxsize=1024)
def _kinds_in(text: str) -> tuple[frozenset[GroupKind], bool]:
    """The kinds that stand literally in a template, and whether one is computed."""
    found = set()
    computed = False
    for document in _DOCUMENT.split(text):
        words: dict[str, str] = {}
        for word, value in _LINE.findall(document):
            words[word] = value.strip()
            if len(words) == 2:
                group, slash, _ = words["apiVersion"].partition("/")
                group = group if slash else ""
                literal = _KIND.match(words["kind"]) and (_GROUP.match(group) or "{{" not in words["apiVersion"])
                if literal and not (group and not _GROUP.match(group)):
                    found.add((group, words["kind"]))
                else:
                    computed = True
                words = {}
    return frozenset(found), computed


def hides_kinds(source: ChartSource) -> bool:
    """Whether an ordinary chart computes kinds, or carries packed charts that cannot be read as text."""
    if source.is_source:
        return False
    texts = _manifests(source)
    return any(name.endswith(".tgz") for name in source.files) or any(_kinds_in(text)[1] for text in texts)


def _manifests(source: ChartSource) -> list[str]:
    return [
        content.decode("utf-8", "replace")
        for name, content in source.files.items()
        if name.endswith((".yaml", ".yml", ".tpl")) and ("templates/" in name or "crds/" in name)
    ]


def possible_kinds(source: ChartSource) -> frozenset[GroupKind]:
    """(group, kind) of every manifest in the chart's templates and CRDs, whatever values decide.

    Read from the text: in a chart source kinds and groups are literal by law; an ordinary chart that
    computes them needs the application's `kinds`.
    """
    return frozenset().union(*(_kinds_in(text)[0] for text in _manifests(source)))


def declared_kinds(kinds: Iterable[str]) -> Iterator[GroupKind]:
    """The application's own list: "apps/Deployment", "ConfigMap"."""
    for entry in kinds:
        group, _, kind = entry.rpartition("/")
        yield group, kind
