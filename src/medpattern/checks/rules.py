"""What a rule is: one thing that an object must not do, with its code, found by a function on plain data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from medpattern.checks.manifests import Inventory, Manifest
from medpattern.findings import Finding, KeyPath, Severity, dotted

ANY_KIND: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Breach:
    """What a rule found in one object.

    `path` is the value that causes it, or the deepest one that is there of it; `message` says what is wrong, without
    the object's name, which is put before it; `cure` what to do.
    """

    path: KeyPath
    message: str
    cure: str = ""


@dataclass(frozen=True, slots=True)
class Platform:
    """What an object's rules may know of the cluster; `kubernetes_version` is like "1.34", or "" if unknown."""

    distribution: str
    kubernetes_version: str


Check = Callable[[Manifest, Platform], Iterable[Breach]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule about one object at a time.

    `code` is documented in docs/findings.md. `kinds` are the (group, kind) pairs it looks at, all of them if empty.
    The check depends on nothing but the object and the platform, so that its answer is kept for equal objects.
    """

    code: str
    check: Check
    kinds: frozenset[tuple[str, str]] = ANY_KIND
    severity: Severity = Severity.ERROR

    def looks_at(self, group: str, kind: str) -> bool:
        """Whether it is about objects of a kind."""
        return not self.kinds or (group, kind) in self.kinds


def apply(rules: Iterable[Rule], manifest: Manifest, platform: Platform) -> Iterator[tuple[Rule, Breach]]:
    """Every breach of `rules` in one object."""
    for rule in rules:
        if rule.looks_at(manifest.group, manifest.kind):
            for breach in rule.check(manifest, platform):
                yield rule, breach


def finding(code: str, severity: Severity, inventory: Inventory, manifest: Manifest, breach: Breach) -> Finding:
    """A breach as a finding of one cluster, at the line that causes it."""
    path = f" {dotted(breach.path)}" if breach.path else ""
    return Finding(
        code,
        f"{manifest.kind}/{manifest.name}{path}: {breach.message}",
        manifest.locate(breach.path),
        cure=breach.cure,
        severity=severity,
        clusters=(inventory.cluster,),
        app=manifest.app,
    )
