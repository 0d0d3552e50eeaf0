"""What is wrong with an input: one Finding each, with its place, its cause and its cure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

KeyPath = tuple[str | int, ...]


class Severity(StrEnum):
    """An error stops the run with exit code 2; a warning can be silenced by its code."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A position in a file as people count: `line` and `column` start at 1; 0 means the whole file."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    `code` is stable (documented in docs/findings.md), `key` the dotted key path in the file, `message`
    the cause, `cure` what to do about it. A finding about objects names the `clusters` that get them and the
    application, `app`, that makes them ("" for what no application makes).
    """

    code: str
    message: str
    place: Place
    key: str = ""
    cure: str = ""
    severity: Severity = Severity.ERROR
    clusters: tuple[str, ...] = ()
    app: str = ""

    def __str__(self) -> str:
        where = f" {self._where()}:" if self.clusters else ""
        key = f" {self.key}:" if self.key else ""
        cure = f"; {self.cure}" if self.cure else ""
        return f"{self.place}: {self.severity}[{self.code}]{where}{key} {self.message}{cure}"

    def _where(self) -> str:
        shown = ", ".join(self.clusters[:3])
        more = f" and {len(self.clusters) - 3} more" if len(self.clusters) > 3 else ""
        return f"{shown}{more}{f' {self.app}' if self.app else ''}"

    def as_json(self) -> dict[str, object]:
        """The finding as `--output json` prints it; clusters and application if it is about objects."""
        objects = {"clusters": list(self.clusters), "app": self.app} if self.clusters else {}
        return {
            "code": self.code,
            "severity": str(self.severity),
            "file": self.place.file,
            "line": self.place.line,
            "column": self.place.column,
            "key": self.key,
            "message": self.message,
            "cure": self.cure,
            **objects,
        }


def dotted(path: KeyPath) -> str:
    """A key path as people write it: `a.b[0]."c.d"`.

    >>> dotted(("a", "c.d", 0))
    'a."c.d"[0]'
    """
    out = ""
    for key in path:
        if isinstance(key, int):
            out += f"[{key}]"
            continue
        word = key if key and not set(key) & set('."[] ') else '"' + key.replace('"', '\\"') + '"'
        out += f".{word}" if out else word
    return out


def parse_dotted(text: str) -> KeyPath:
    """The inverse of `dotted`; `a.0.b` and `a[0].b` both name a list item.

    Raises:
        ValueError: an unclosed quote or bracket, or an empty key.
    """
    path: list[str | int] = []
    rest = text
    while rest:
        if rest.startswith('"'):
            end = 1
            while end < len(rest) and not (rest[end] == '"' and rest[end - 1] != "\\"):
                end += 1
            if end >= len(rest):
                raise ValueError(f"unclosed quote in {text!r}")
            path.append(rest[1:end].replace('\\"', '"'))
            rest = rest[end + 1 :]
        elif rest.startswith("["):
            inside, bracket, rest = rest[1:].partition("]")
            if not bracket or not inside.isdigit():
                raise ValueError(f"expected [number] in {text!r}")
            path.append(int(inside))
        else:
            end = min((i for i in (rest.find("."), rest.find("[")) if i >= 0), default=len(rest))
            word, rest = rest[:end], rest[end:]
            if not word:
                raise ValueError(f"empty key in {text!r}")
            path.append(int(word) if word.isdigit() else word)
        if rest.startswith("."):
            rest = rest[1:]
            if not rest:
                raise ValueError(f"empty key in {text!r}")
    return tuple(path)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A cure that names the nearest known name, or lists a few; empty when nothing is known."""
    import difflib

    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f"did you mean '{close[0]}'?"
    if not names:
        return ""
    shown = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
    return f"known: {shown}"


def some(words: Iterable[str], shown: int = 5) -> str:
    """The first of some words, and how many more there are."""
    found = list(words)
    more = f" and {len(found) - shown} more" if len(found) > shown else ""
    return ", ".join(found[:shown]) + more


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings sorted by place, each once: clusters that share a file share its findings.

    Of findings that differ in their cure alone, the one that names a near word is kept; it names the clusters of all.
    """
    kept: dict[tuple[str, Place, str, str, str], Finding] = {}
    clusters: dict[tuple[str, Place, str, str, str], dict[str, None]] = {}
    for finding in findings:
        key = (finding.code, finding.place, finding.app, finding.key, finding.message)
        clusters.setdefault(key, {}).update(dict.fromkeys(finding.clusters))
        if key not in kept or (finding.cure.startswith("did you") and not kept[key].cure.startswith("did you")):
            kept[key] = finding
    found = [replace(finding, clusters=tuple(sorted(clusters[key]))) for key, finding in kept.items()]
    return tuple(sorted(found, key=lambda f: (f.place, f.code, f.app, f.key, f.message)))


def errors_of(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Only those that stop a run."""
    return tuple(f for f in findings if f.severity is Severity.ERROR)
