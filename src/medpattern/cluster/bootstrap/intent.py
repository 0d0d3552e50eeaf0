"""What a cluster is to get by bootstrap, read from values and tree before anything is asked of the cluster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from medpattern.argocd.applications import Git
from medpattern.argocd.webhook import provider_of
from medpattern.checks.manifests import Inventory
from medpattern.cluster.connection import Object
from medpattern.cluster.preflight import Check, ok, problem, tree_check
from medpattern.errors import UsageError
from medpattern.findings import Finding, errors_of
from medpattern.fleet.facts import Facts
from medpattern.fleet.merge import lookup

if TYPE_CHECKING:
    from medpattern.rendering.selection import Selection
    from medpattern.secretstore.format import SecretsFile
    from medpattern.secretstore.values import Values

SHOWN = 5


@dataclass(frozen=True)
class Wanted:
    """What a cluster is to get, all of it known before anything is asked of the cluster.

    Attributes:
        facts: of the cluster.
        inventory: its objects, as the tree has them.
        git: where Argo CD reads the tree.
        root: the values repository.
        tree: the rendered tree, relative to it.
        local: what was found wrong with the tree.
        manifest: the installation manifest of Argo CD, a file or a URL; "" for none.
        sha256: what it must hash to; "" where nobody says.
        upgrades: whether an Argo CD that bootstrap has installed is to become that of the manifest.
        secrets: the secrets file; None without one.
        values: that read it.
        clusters: the names of all clusters of the fleet.
        webhook: the git provider whose webhook tells Argo CD of a push; "" for none.
    """

    facts: Facts
    inventory: Inventory
    git: Git
    root: Path
    tree: str
    local: tuple[Check, ...] = ()
    manifest: str = ""
    sha256: str = ""
    upgrades: bool = False
    secrets: SecretsFile | None = None
    values: Values | None = None
    clusters: frozenset[str] = frozenset()
    webhook: str = ""

    @property
    def namespace(self) -> str:
        """Of Argo CD."""
        return self.facts.argocd_namespace

    @property
    def of_root(self) -> list[Object]:
        """The objects that the root applies, and the root."""
        return [one.data for one in self.inventory.manifests if not one.app]

    @property
    def root_application(self) -> Object:
        """The root."""
        name = f"{self.facts.name}-root"
        return next(one for one in self.of_root if one["kind"] == "Application" and one["metadata"]["name"] == name)


def read_wanted(selection: Selection, tree: Path) -> Wanted:
    """Renders a cluster in memory, compares it with the tree and validates it; nothing is written.

    Args:
        selection: with exactly one cluster.
        tree: the rendered tree's folder.

    Raises:
        UsageError: there is no such cluster, the hub's Argo CD applies it, or it cannot be rendered.
    """
    from medpattern.checks.schemas import SchemaSet
    from medpattern.rendering.roots import git_of
    from medpattern.rendering.run import run
    from medpattern.rendering.selection import tree_path
    from medpattern.rendering.validation import Run

    (name,) = selection.clusters
    facts = _facts(selection, name)
    outcome = run(selection, tree)
    validated = Run(selection, SchemaSet())
    found = validated.validate()
    if not validated.inventories:
        raise UsageError(f"'{name}' cannot be rendered: medpattern render --cluster {name} says why")
    where = tree_path(selection.root, tree)
    values, git = validated.renderer.fleet.values_and_git(facts)
    engine = lookup(values, ("medpattern", "argocd"))[1]
    engine = engine if isinstance(engine, dict) else {}
    local = (tree_check(name, where, outcome.plan), *_validity(_judged(selection, found.findings)))
    return Wanted(
        facts=facts,
        inventory=validated.inventories[0],
        git=git_of(values, git, where),
        root=selection.root,
        tree=where,
        local=local,
        manifest=str(engine.get("manifest") or ""),
        sha256=str(engine.get("sha256") or ""),
        clusters=frozenset(validated.renderer.fleet.facts),
        webhook=provider_of(values),
    )


def with_manifest(wanted: Wanted, source: str) -> Wanted:
    """With another installation manifest than the values name, whose digest they then do not know."""
    return replace(wanted, manifest=source, sha256="" if source != wanted.manifest else wanted.sha256)


def with_secrets(wanted: Wanted, file: Path, identities: Sequence[Path]) -> Wanted:
    """With a secrets file, all of whose values for Kubernetes are read now.

    Raises:
        UsageError: it cannot be read, or others can.
        InputError: a value cannot be had.
    """
    from medpattern.secretstore.files import read
    from medpattern.secretstore.values import Values

    secrets = read(file, identities).secrets
    values = Values()
    values.read(secrets, tuple(entry for entry in secrets.entries if secrets.kubernetes_secrets(entry)))
    return replace(wanted, secrets=secrets, values=values)


def _facts(selection: Selection, name: str) -> Facts:
    fleet = selection.load()
    selection.names(fleet)
    facts = fleet.facts[name]
    if facts.is_pushed:
        raise UsageError(
            f"'{name}' has no Argo CD of its own: that of '{facts.hub}' applies it; "
            f"run: medpattern bootstrap --cluster {facts.hub}"
        )
    return facts


def _judged(selection: Selection, findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The findings that no waiver of the repository names."""
    from medpattern.checks.waivers import FILE, read_waivers, waive
    from medpattern.fleet.places import find_values, join
    from medpattern.rendering.handbook import sections

    shown = join(find_values(selection.root, selection.values), FILE)
    path = selection.root / shown
    waivers = read_waivers(shown, path.read_bytes(), sections()) if path.exists() else ()
    return tuple(waive(findings, waivers, datetime.now(UTC).date()).findings)


def _validity(findings: Sequence[Finding]) -> Iterator[Check]:
    errors = errors_of(findings)
    for one in errors[:SHOWN]:
        yield problem("validate", str(one), "medpattern validate names all, and what to do")
    for one in [one for one in findings if one.code == "missing-digest" and one not in errors][:SHOWN]:
        yield problem("digest", str(one), "medpattern lock --update writes it; or waive it by name in waivers.yaml")
    if not errors:
        yield ok("validate", "nothing is wrong with what the cluster gets")
