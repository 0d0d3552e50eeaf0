"""One run of `validate`: everything that render says, and what the objects of each cluster and of all together show."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from medpattern.checks.conformance import Conformance
from medpattern.checks.fleetwide import fleet_findings
from medpattern.checks.manifests import Inventory
from medpattern.checks.policy import RULES
from medpattern.checks.policy.estate import estate_findings
from medpattern.checks.rules import Platform, Rule, apply, finding
from medpattern.checks.schemas import SchemaSet
from medpattern.checks.wiring import fleet_wiring, wiring_findings
from medpattern.findings import Finding, Severity, in_order
from medpattern.rendering.inventories import inventory
from medpattern.rendering.renderer import RenderedCluster, Renderer
from medpattern.rendering.selection import DEFAULT_TREE, Selection

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Validation:
    """What a run found.

    Attributes:
        clusters: the names of those that were looked at.
        objects: how many objects were looked at.
        findings: all of them, equal ones of several clusters as one.
        unseen: (cluster, application) of those whose objects nobody here knows, such as remote charts.
        partial: clusters of which a part could not be rendered; their wiring was not looked at, since what is missing
            would look like a dangling reference.
        is_fleet: whether all clusters were looked at whole, so that rules between clusters were too.
    """

    clusters: tuple[str, ...]
    objects: int
    findings: tuple[Finding, ...]
    unseen: tuple[tuple[str, str], ...] = ()
    partial: tuple[str, ...] = ()
    is_fleet: bool = False


@dataclass
class Checks:
    """All checks of objects, for one inventory after the other; keep one for a run, since it keeps answers."""

    schemas: SchemaSet
    rules: Sequence[Rule] = RULES
    conformance: Conformance = field(init=False)

    def __post_init__(self) -> None:
        self.conformance = Conformance(self.schemas)

    def of_objects(self, known: Inventory) -> Iterator[Finding]:
        """What single objects show."""
        yield from self.conformance.findings(known)
        platform = Platform(known.distribution, known.kubernetes_version)
        for manifest in known.manifests:
            for rule, breach in apply(self.rules, manifest, platform):
                yield finding(rule.code, rule.severity, known, manifest, breach)

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
    before: Renderer | None = None,
) -> Validation:
    """Renders what `selection` names in memory and checks it; nothing is written.

    Args:
        selection: the inputs. With an application, only what concerns it is told.
        schemas: those that objects are held against; the shipped ones by default.
        progress: called before each cluster with the number done, the number of all, and its name.
        before: a renderer of an earlier state of the same repository, whose work is used again where it holds.

    Raises:
        UsageError: no repository, or a name that does not exist.
    """
    fleet = selection.load()
    names = selection.names(fleet)
    known_schemas = schemas or SchemaSet()
    renderer = Renderer(fleet, DEFAULT_TREE, known_schemas, before)
    whole = Whole(selection, renderer, Checks(known_schemas))
    for number, name in enumerate(names):
        if progress:
            progress(number, len(names), name)
        for rendered in renderer.clusters([name]):
            whole.add(rendered)
    return whole.result(names, is_fleet=selection.covers_all_clusters and len(whole.inventories) == len(fleet.facts))


@dataclass
class Whole:
    """Gathers the clusters of one run."""

    selection: Selection
    renderer: Renderer
    checks: Checks
    inventories: list[Inventory] = field(default_factory=list)
    _found: list[Finding] = field(default_factory=list)
    _silenced: dict[str, frozenset[str]] = field(default_factory=dict)
    _partial: list[str] = field(default_factory=list)

    def add(self, rendered: RenderedCluster) -> None:
        """Looks at one rendered cluster."""
        name = rendered.cluster.name
        known = inventory(rendered, self.checks.schemas, self.renderer.tree)
        self._silenced[name] = rendered.cluster.silenced
        self.inventories.append(known)
        self._found += self.checks.of_objects(known)
        if _is_whole(rendered):
            self._found += self.checks.of_cluster(known)
        else:
            self._partial.append(name)

    def result(self, names: Sequence[str], *, is_fleet: bool) -> Validation:
        """What was found in all clusters that were added."""
        is_fleet = is_fleet and not self._partial
        if is_fleet:
            self._found += self.checks.of_fleet(self.inventories)
        self.selection.require_app({app for known in self.inventories for app in _apps(known)})
        # Every object has been held against its schema here, and at a better place than render's.
        rendering = (found for found in self.renderer.findings if found.code != "invalid-object")
        told = (*rendering, *self._not_silenced(self._found))
        return Validation(
            clusters=tuple(names),
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
