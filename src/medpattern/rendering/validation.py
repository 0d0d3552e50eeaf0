"""One run of `validate`: everything that render says, and what the objects of each cluster and of all together show."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from medpattern.checks.conformance import Conformance
from medpattern.checks.fleetwide import fleet_findings
from medpattern.checks.manifests import Inventory, Manifest
from medpattern.checks.policy import RULES
from medpattern.checks.policy.estate import estate_findings
from medpattern.checks.rules import Breach, Platform, Rule, finding
from medpattern.checks.schemas import SchemaSet
from medpattern.checks.wiring import fleet_wiring, wiring_findings
from medpattern.errors import UsageError
from medpattern.findings import Finding, Severity, in_order
from medpattern.rendering.found import Validation
from medpattern.rendering.hygiene import HygieneCheck
from medpattern.rendering.inventories import inventory
from medpattern.rendering.loose import read_folder
from medpattern.rendering.renderer import RenderedCluster, Renderer
from medpattern.rendering.selection import DEFAULT_TREE, Selection

Progress = Callable[[int, int, str], None]
Broken = tuple[tuple[Rule, Breach], ...]


@dataclass
class Checks:
    """All checks of objects, for one inventory after the other; keep one for a run, since it keeps answers."""

    schemas: SchemaSet
    rules: Sequence[Rule] = RULES
    conformance: Conformance = field(init=False)
    _by_kind: dict[tuple[str, str], tuple[Rule, ...]] = field(default_factory=dict, init=False)
    _answers: dict[tuple[bytes | None, Platform], Broken] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.conformance = Conformance(self.schemas)

    def again(self) -> Checks:
        """Checks for a further run that know the answers of this one."""
        further = Checks(self.schemas, self.rules)
        further.conformance = self.conformance.again()
        further._by_kind, further._answers = self._by_kind, self._answers
        return further

    def of_objects(self, known: Inventory) -> Iterator[Finding]:
        """What single objects show."""
        yield from self.conformance.findings(known)
        platform = Platform(known.distribution, known.kubernetes_version)
        for manifest in known.manifests:
            for rule, breach in self._broken(manifest, platform):
                if (rule.code, breach.path) not in manifest.told:
                    yield finding(rule.code, rule.severity, known, manifest, breach)

    def _broken(self, manifest: Manifest, platform: Platform) -> Broken:
        """What rules say of an object; of equal ones they are asked once."""
        key = (manifest.content(), platform)
        found = self._answers.get(key)
        if found is None or key[0] is None:
            rules = self._rules_of(manifest.group, manifest.kind)
            found = tuple((rule, breach) for rule in rules for breach in rule.check(manifest, platform))
            self._answers[key] = found
        return found

    def _rules_of(self, group: str, kind: str) -> tuple[Rule, ...]:
        """The rules that look at a kind."""
        if (group, kind) not in self._by_kind:
            self._by_kind[group, kind] = tuple(rule for rule in self.rules if rule.looks_at(group, kind))
        return self._by_kind[group, kind]

    def of_cluster(self, known: Inventory) -> Iterator[Finding]:
        """What the objects of a whole cluster show together."""
        yield from estate_findings(known)
        yield from wiring_findings(known)

    def of_fleet(self, known: Sequence[Inventory]) -> Iterator[Finding]:
        """What all clusters show together."""
        yield from fleet_findings(known)
        yield from fleet_wiring(known)


def validate(
    selection: Selection,
    schemas: SchemaSet | None = None,
    progress: Progress | None = None,
    before: Run | None = None,
) -> Validation:
    """Renders what `selection` names in memory and checks it; nothing is written.

    Args:
        selection: the inputs. With an application, only what concerns it is told.
        schemas: those that objects are held against; the shipped ones by default.
        progress: called before each cluster with the number done, the number of all, and its name.
        before: a run over an earlier state of the same repository, whose work is used again where it holds.

    Raises:
        UsageError: no repository, or a name that does not exist.
    """
    return Run(selection, schemas or SchemaSet(), before).validate(progress)


def validate_manifests(
    folders: Sequence[Path], schemas: SchemaSet, distribution: str, kubernetes_version: str, shown_from: Path
) -> Validation:
    """Checks rendered objects, whoever made them; each folder is what one cluster gets.

    Args:
        folders: of YAML and JSON files.
        schemas: those that objects are held against.
        distribution: "openshift" or "kubernetes".
        kubernetes_version: such as "1.34"; "" if unknown.
        shown_from: the folder from which places are named, if they lie below it.

    Raises:
        UsageError: there is no such folder, or two have one name.
    """
    names = [folder.resolve().name for folder in folders]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"two folders are named '{name}', which stands for a cluster; rename one")
    checks = Checks(schemas)
    read = [read_folder(folder, schemas, distribution, kubernetes_version, shown_from) for folder in folders]
    inventories = [folder.inventory for folder in read]
    found = [finding for folder in read for finding in folder.findings]
    for known in inventories:
        found += (*checks.of_objects(known), *checks.of_cluster(known))
    found += checks.of_fleet(inventories)
    objects = sum(len(known.manifests) for known in inventories)
    others = sum(folder.others for folder in read)
    return Validation(tuple(names), objects, in_order(found), is_fleet=True, others=others)


class Run:
    """One run over the clusters of a selection. Afterwards `renderer` tells which inputs it read."""

    def __init__(self, selection: Selection, schemas: SchemaSet, before: Run | None = None) -> None:
        self.selection = selection
        fleet = selection.load()
        self.names = selection.names(fleet)
        self.renderer: Renderer = Renderer(fleet, DEFAULT_TREE, schemas, before.renderer if before else None)
        self.checks: Checks = before.checks.again() if before else Checks(schemas)
        self.inventories: list[Inventory] = []
        self._hygiene = HygieneCheck(fleet.stack)
        self._found: list[Finding] = []
        self._silenced: dict[str, frozenset[str]] = {}
        self._partial: list[str] = []

    def validate(self, progress: Progress | None = None) -> Validation:
        """Everything about all clusters."""
        for number, name in enumerate(self.names):
            if progress:
                progress(number, len(self.names), name)
            for rendered in self.renderer.clusters([name]):
                self._add(rendered)
        is_fleet = len(self.inventories) == len(self.renderer.fleet.facts) and not self._partial
        if is_fleet:
            self._found += (*self.checks.of_fleet(self.inventories), *self._hygiene.findings())
        self.selection.require_app({app for known in self.inventories for app in _apps(known)})
        return self._result(is_fleet=is_fleet)

    def _add(self, rendered: RenderedCluster) -> None:
        name = rendered.cluster.name
        known = inventory(rendered, self.checks.schemas, self.renderer.tree)
        self._silenced[name] = rendered.cluster.silenced
        self.inventories.append(known)
        self._hygiene.add(rendered)
        self._found += self.checks.of_objects(known)
        if _is_whole(rendered):
            self._found += self.checks.of_cluster(known)
        else:
            self._partial.append(name)

    def _result(self, *, is_fleet: bool) -> Validation:
        # Every object has been held against its schema here, and at a better place than render's.
        rendering = (found for found in self.renderer.findings if found.code != "invalid-object")
        told = (*rendering, *self._not_silenced(self._found))
        return Validation(
            clusters=tuple(self.names),
            objects=sum(len(known.manifests) for known in self.inventories),
            findings=in_order(found for found in told if _concerns(found, self.selection.app)),
            unseen=tuple((known.cluster, app) for known in self.inventories for app in sorted(known.unseen)),
            partial=tuple(self._partial),
            is_fleet=is_fleet,
        )

    def _not_silenced(self, findings: Iterable[Finding]) -> Iterator[Finding]:
        """All findings, less the warnings that the values of their clusters silence."""
        for found in findings:
            if found.severity is Severity.WARNING and found.clusters:
                left = tuple(name for name in found.clusters if found.code not in self._silenced.get(name, ()))
                if left:
                    yield replace(found, clusters=left)
            else:
                yield found


def _apps(known: Inventory) -> set[str]:
    return {manifest.app for manifest in known.manifests} | known.unseen.keys()


def _is_whole(rendered: RenderedCluster) -> bool:
    """Whether each of its enabled applications could be rendered, and its root."""
    wanted = {app.name for app in rendered.cluster.applications if app.name and not app.disabled}
    return bool(rendered.manifests) and wanted == {item.app.name for item in rendered.apps}


def _concerns(found: Finding, app: str) -> bool:
    """Whether a finding is about `app`, or an error about what all share; all are without one."""
    if not app or found.app == app:
        return True
    if found.app:
        return False
    about = found.key.startswith(f"clusterGroup.applications.{app}") or f"charts/{app}/" in found.place.file
    return about or found.severity is Severity.ERROR
