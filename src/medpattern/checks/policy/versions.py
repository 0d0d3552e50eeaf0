"""Objects of APIs that the cluster no longer serves, or soon will not."""

from __future__ import annotations

from collections.abc import Iterator

from medpattern.checks.manifests import Manifest
from medpattern.checks.policy.apiversions import RETIRED, Retired
from medpattern.checks.rules import Breach, Platform, Rule
from medpattern.findings import Severity

_PATH = ("apiVersion",)
_BY_API_VERSION = {
    api_version: tuple(row for row in RETIRED if row.api_version == api_version)
    for api_version in {row.api_version for row in RETIRED}
}


def removed_apis(manifest: Manifest, platform: Platform) -> Iterator[Breach]:
    """Objects that the cluster, or the operator's present release, does not know."""
    for row in _rows(manifest):
        if row.removed_from:
            gone = f"gone since {row.removed_from}"
        elif row.removed and _reached(platform.kubernetes_version, row.removed):
            gone = f"gone since Kubernetes {row.removed}, and the cluster has {platform.kubernetes_version}"
        else:
            continue
        yield Breach(_PATH, f"{manifest.kind} of {row.api_version} is {gone}", f"use {row.replacement}")


def deprecated_apis(manifest: Manifest, platform: Platform) -> Iterator[Breach]:
    """Objects whose API will go, or is gone from some releases while the cluster's is not known."""
    for row in _rows(manifest):
        version = platform.kubernetes_version
        if row.removed_from or (row.removed and _reached(version, row.removed)):
            continue
        if row.deprecated and version and not _reached(version, row.deprecated):
            continue
        since = f" since Kubernetes {row.deprecated}" if row.deprecated else ""
        until = f", and Kubernetes {row.removed} no longer has it" if row.removed else ""
        yield Breach(
            _PATH, f"{manifest.kind} of {row.api_version} is deprecated{since}{until}", f"use {row.replacement}"
        )


def _rows(manifest: Manifest) -> Iterator[Retired]:
    for row in _BY_API_VERSION.get(manifest.api_version, ()):
        if not row.kinds or manifest.kind in row.kinds:
            yield row


def _reached(version: str, release: str) -> bool:
    """Whether `version`, such as "1.34", is `release` or later; never if it is unknown."""
    try:
        return _numbers(version) >= _numbers(release)
    except ValueError:
        return False


def _numbers(version: str) -> tuple[int, int]:
    major, _, rest = version.removeprefix("v").partition(".")
    return int(major), int(rest.partition(".")[0])


RULES = (
    Rule("removed-api", removed_apis),
    Rule("deprecated-api", deprecated_apis, severity=Severity.WARNING),
)
