"""Findings as SARIF 2.1.0 (OASIS standard, 2020), which code hosts show at the line of a file."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

from medpattern import __version__
from medpattern.checks.waivers import Judged, Waiver
from medpattern.findings import Finding, Place
from medpattern.rendering.handbook import in_short, sections

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def sarif(judged: Judged, root: Path) -> dict[str, Any]:
    """The log of one run; waived findings are in it as suppressed results.

    Args:
        judged: the findings.
        root: the values repository; files are named from the top of the git work tree that holds it, if one does.
    """
    below = _below_git(root)
    told = [(finding, None) for finding in judged.findings] + [(one.finding, one.waiver) for one in judged.waived]
    codes = sorted({finding.code for finding, _ in told})
    results = [_result(finding, waiver, codes.index(finding.code), below) for finding, waiver in told]
    driver = {"name": "medpattern", "semanticVersion": __version__, "rules": [_rule(code) for code in codes]}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"SRCROOT": {"description": {"text": "the top of the repository"}}},
        "results": results,
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _below_git(root: Path) -> str:
    """The path of `root` below the git work tree that it lies in, with a final "/"; "" at its top or outside of one."""
    top = root.resolve()
    work_tree = next((folder for folder in (top, *top.parents) if (folder / ".git").exists()), top)
    inside = top.relative_to(work_tree).as_posix()
    return "" if inside == "." else f"{inside}/"


def _rule(code: str) -> dict[str, Any]:
    text = sections().get(code, "")
    return {
        "id": code,
        "shortDescription": {"text": code.replace("-", " ")},
        "fullDescription": {"text": in_short(code) or code},
        "help": {"text": text or code, "markdown": text or code},
    }


def _result(finding: Finding, waiver: Waiver | None, rule: int, below: str) -> dict[str, Any]:
    cure = f"; {finding.cure}" if finding.cure else ""
    about = {"key": finding.key, "app": finding.app, "clusters": list(finding.clusters)}
    return {
        "ruleId": finding.code,
        "ruleIndex": rule,
        "level": str(finding.severity),
        "message": {"text": f"{finding.message}{cure}"},
        "locations": [{"physicalLocation": _location(finding.place, below)}],
        "partialFingerprints": {"medpattern/v1": _fingerprint(finding)},
        "suppressions": [_suppression(waiver, below)] if waiver else [],
        "properties": {name: value for name, value in about.items() if value},
    }


def _location(place: Place, below: str) -> dict[str, Any]:
    path = place.file if Path(place.file).is_absolute() else f"{below}{place.file}"
    artifact = (
        {"uri": Path(path).as_uri()} if Path(path).is_absolute() else {"uri": quote(path), "uriBaseId": "SRCROOT"}
    )
    if not place.line:
        return {"artifactLocation": artifact}
    region = {"startLine": place.line, **({"startColumn": place.column} if place.column else {})}
    return {"artifactLocation": artifact, "region": region}


def _fingerprint(finding: Finding) -> str:
    """The same for a finding whose line has moved."""
    words = (finding.code, finding.place.file, finding.app, finding.key, finding.message)
    return sha256("\0".join(words).encode()).hexdigest()


def _suppression(waiver: Waiver, below: str) -> dict[str, Any]:
    # Without a status it is accepted.
    return {
        "kind": "external",
        "justification": f"{waiver.reason} (until {waiver.expires})",
        "location": {"physicalLocation": _location(waiver.place, below)},
    }
