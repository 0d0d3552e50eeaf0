"""What `validate` found, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from medpattern import __version__
from medpattern.checks.waivers import Judged, Waived
from medpattern.cli import console
from medpattern.findings import Finding, Severity
from medpattern.rendering.found import Validation


def text(found: Validation, judged: Judged, *, verbose: bool) -> None:
    """Findings as data, one a line, by application and errors first; counts as talk at the end."""
    for app, group in groupby(sorted(judged.findings, key=_app_then_weight), key=lambda one: one.app):
        part = list(group)
        console.say(f"{app or 'values, charts and clusters'}: {_counts(part)}")
        for one in part:
            console.finding(one)
    if verbose:
        for line in (*_waived_lines(judged.waived), *_not_looked_at(found)):
            console.say(line)
    console.say(_summary(found, judged))


def _app_then_weight(one: Finding) -> tuple[str, bool, Any]:
    return one.app, one.severity is not Severity.ERROR, one.place


def _counts(findings: Iterable[Finding]) -> str:
    found = list(findings)
    errors = sum(one.severity is Severity.ERROR for one in found)
    parts = [(errors, "error"), (len(found) - errors, "warning")]
    return ", ".join(console.number(count, word) for count, word in parts if count) or "nothing found"


def _waived_lines(waived: Iterable[Waived]) -> Iterator[str]:
    for one in waived:
        yield f"waived until {one.waiver.expires} ({one.waiver.reason}): {one.finding}"


def _not_looked_at(found: Validation) -> Iterator[str]:
    by_app: dict[str, list[str]] = {}
    for cluster, app in found.unseen:
        by_app.setdefault(app, []).append(cluster)
    for app, clusters in sorted(by_app.items()):
        yield f"not looked into, since its chart is not here: {app} ({', '.join(clusters)})"
    if found.others:
        yield f"{console.number(found.others, 'document')} that are no Kubernetes objects"


def _summary(found: Validation, judged: Judged) -> str:
    words = [f"{console.number(len(found.clusters), 'cluster')}, {console.number(found.objects, 'object')}"]
    words.append(_counts(judged.findings))
    if judged.waived:
        words.append(f"{len(judged.waived)} waived")
    if found.partial:
        words.append(f"wiring not checked on {', '.join(found.partial)}, where a part could not be rendered")
    if not found.is_fleet:
        words.append("rules between clusters not checked")
    return "; ".join(words)


def as_json(found: Validation, judged: Judged) -> dict[str, Any]:
    """The document of `--output json`, described in docs/validate.md."""
    errors = sum(one.severity is Severity.ERROR for one in judged.findings)
    return {
        "medpattern": __version__,
        "counts": {
            "clusters": len(found.clusters),
            "objects": found.objects,
            "errors": errors,
            "warnings": len(judged.findings) - errors,
            "waived": len(judged.waived),
        },
        "findings": [one.as_json() for one in judged.findings],
        "waived": [_waived_json(one) for one in judged.waived],
        "clusters": list(found.clusters),
        "partial": list(found.partial),
        "unseen": [{"cluster": cluster, "app": app} for cluster, app in found.unseen],
        "betweenClusters": found.is_fleet,
    }


def _waived_json(one: Waived) -> dict[str, Any]:
    waiver = {
        "file": one.waiver.place.file,
        "line": one.waiver.place.line,
        "reason": one.waiver.reason,
        "expires": one.waiver.expires.isoformat(),
    }
    return {**one.finding.as_json(), "waiver": waiver}
