"""Findings that a repository lives with for a while: each waived by name, with a reason and a day on which that ends.

The file is `waivers.yaml` beside the values files:

    waivers:
      - code: missing-digest
        file: charts/risk-assessment/values.yaml
        reason: the image has no registry yet
        expires: 2027-03-31
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from medpattern.documents.reader import Document, parse_file
from medpattern.documents.validation import Schema
from medpattern.errors import InputError
from medpattern.findings import Finding, Place, Severity, did_you_mean, dotted, in_order

FILE = "waivers.yaml"

# A waiver is looked at again at least once a year.
LONGEST = timedelta(days=366)

_TEXT = {"type": "string", "minLength": 1}
_ENTRY = {
    "type": "object",
    "additionalProperties": False,
    "required": ["code", "reason", "expires"],
    "properties": {
        "code": _TEXT,
        "app": _TEXT,
        "cluster": _TEXT,
        "clusters": {"type": "array", "minItems": 1, "items": _TEXT},
        "object": {**_TEXT, "pattern": "^[^/ ]+/[^/ ]+$"},
        "file": _TEXT,
        "key": _TEXT,
        "reason": {"type": "string", "minLength": 10},
        "expires": {"type": "string"},
    },
}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["waivers"],
    "properties": {"waivers": {"type": "array", "items": _ENTRY}},
}


@dataclass(frozen=True, slots=True)
class Waiver:
    """One entry. `expires` is the last day on which it waives; what is "" or () matches everything.

    `object` is KIND/NAME, `file` that of a finding's place, `key` its dotted key path.
    """

    code: str
    reason: str
    expires: date
    place: Place
    app: str = ""
    clusters: tuple[str, ...] = ()
    object: str = ""
    file: str = ""
    key: str = ""

    def names(self, finding: Finding) -> bool:
        """Whether it is about `finding`, on some cluster at least."""
        return (
            self.code == finding.code
            and self.app in ("", finding.app)
            and self.file in ("", finding.place.file)
            and self.key in ("", finding.key)
            and (not self.object or finding.message.startswith((f"{self.object} ", f"{self.object}:")))
            and (not self.clusters or bool(set(self.clusters) & set(finding.clusters)))
        )


@dataclass(frozen=True, slots=True)
class Waived:
    """A finding that does not count, and why not."""

    finding: Finding
    waiver: Waiver


@dataclass(frozen=True, slots=True)
class Judged:
    """`findings` are left, those about the waivers themselves among them; `waived` do not count."""

    findings: tuple[Finding, ...]
    waived: tuple[Waived, ...] = ()


def read_waivers(file: str, content: bytes, codes: Collection[str]) -> tuple[Waiver, ...]:
    """The entries of a waivers file.

    Args:
        file: its name for people.
        content: its bytes.
        codes: every code that a finding can have.

    Raises:
        InputError: it is not YAML, breaks the schema, has a date that is none, or an entry that names a code that
            does not exist, or names nothing but a code.
    """
    document = parse_file(file, content)
    if document.data is None:
        return ()
    found = [
        Finding(one.code, one.message, document.place(one.path), dotted(one.path), one.cure)
        for one in Schema(SCHEMA).violations(document.data)
    ]
    if found:
        raise InputError(found)
    entries = list(enumerate(document.data["waivers"]))
    found = [problem for number, entry in entries for problem in _problems(document, number, entry, codes)]
    if found:
        raise InputError(found)
    return tuple(_waiver(document, number, entry) for number, entry in entries)


def _problems(document: Document, number: int, entry: dict[str, Any], codes: Collection[str]) -> Iterator[Finding]:
    def problem(key: str, message: str, cure: str) -> Finding:
        path = ("waivers", number, key)
        return Finding("not-allowed", message, document.place(path), dotted(path), cure)

    if entry["code"] not in codes:
        yield problem("code", f"no finding has the code '{entry['code']}'", did_you_mean(entry["code"], codes))
    if not entry.keys() & {"app", "object", "file"}:
        cure = "name an 'app', an 'object' (KIND/NAME) or a 'file' too"
        yield problem("code", "would waive every finding of its code, also those that nobody has seen", cure)
    if {"cluster", "clusters"} <= entry.keys():
        yield problem("cluster", "'cluster' and 'clusters' exclude each other", "keep 'clusters'")
    if _day(entry["expires"]) is None:
        yield problem("expires", f"{entry['expires']!r} is no day", "write it as 2027-03-31")


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if len(text) == len("2027-03-31") else None
    except ValueError:
        return None


def _waiver(document: Document, number: int, entry: dict[str, Any]) -> Waiver:
    day = _day(entry["expires"])
    assert day is not None
    clusters = tuple(entry.get("clusters") or ([entry["cluster"]] if "cluster" in entry else ()))
    names = {key: entry[key] for key in ("app", "object", "file", "key") if key in entry}
    place = document.place(("waivers", number, "code"))
    return Waiver(entry["code"], entry["reason"], day, place, clusters=clusters, **names)


def waive(findings: Iterable[Finding], waivers: Sequence[Waiver], today: date) -> Judged:
    """Takes away from `findings` what `waivers` name on `today`, a day in UTC.

    An error in an input that keeps a cluster from being rendered cannot be waived.
    """
    standing = [waiver for waiver in waivers if today <= waiver.expires <= today + LONGEST]
    left: list[Finding] = []
    waived: list[Waived] = []
    for finding in findings:
        rest: Finding | None = finding
        for waiver in standing if _may_be_waived(finding) else ():
            if rest is not None and waiver.names(rest):
                part, rest = _split(rest, waiver)
                waived.append(Waived(part, waiver))
        if rest is not None:
            left.append(rest)
    return Judged(in_order(left), tuple(waived))


def judge(findings: Iterable[Finding], waivers: Sequence[Waiver], today: date, *, judge_unused: bool = True) -> Judged:
    """As `waive`, and adds what is wrong with the waivers.

    Args:
        findings: of one run.
        waivers: the entries of the file.
        today: the day on which it is judged, in UTC.
        judge_unused: whether the run looked at everything, so that a waiver that names nothing is one too many.
    """
    judged = waive(findings, waivers, today)
    used = {one.waiver for one in judged.waived}
    problems = [found for waiver in waivers for found in _of_waiver(waiver, today, used, judge_unused=judge_unused)]
    return Judged(in_order((*judged.findings, *problems)), judged.waived)


def _may_be_waived(finding: Finding) -> bool:
    return bool(finding.clusters) or finding.severity is Severity.WARNING


def _split(finding: Finding, waiver: Waiver) -> tuple[Finding, Finding | None]:
    """The part of `finding` on the waiver's clusters, and what is left of it."""
    if not waiver.clusters or set(finding.clusters) <= set(waiver.clusters):
        return finding, None
    part = tuple(name for name in finding.clusters if name in waiver.clusters)
    rest = tuple(name for name in finding.clusters if name not in waiver.clusters)
    return replace(finding, clusters=part), replace(finding, clusters=rest)


def _of_waiver(waiver: Waiver, today: date, used: set[Waiver], *, judge_unused: bool) -> Iterator[Finding]:
    if waiver.expires < today:
        message = f"the waiver of {waiver.code} ended on {waiver.expires} ({waiver.reason})"
        cure = "mend what it waived, or set a later day and say why"
        yield Finding("waiver-expired", message, waiver.place, cure=cure)
    elif waiver.expires > today + LONGEST:
        message = f"the waiver of {waiver.code} would last until {waiver.expires}, longer than {LONGEST.days} days"
        yield Finding("waiver-too-long", message, waiver.place, cure="set a nearer day, and look at it again then")
    elif judge_unused and waiver not in used:
        message = f"the waiver of {waiver.code} names nothing that is found"
        yield Finding("waiver-unused", message, waiver.place, cure="remove it", severity=Severity.WARNING)
