"""Values files -> Fleet -> one Cluster after the other, with every finding on the way."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from medpattern.errors import UsageError
from medpattern.findings import Finding, Place, Severity, did_you_mean, in_order
from medpattern.fleet import sections
from medpattern.fleet.audit import audit_group, label_findings
from medpattern.fleet.cluster import Cluster
from medpattern.fleet.facts import Facts, facts_from, injected_globals
from medpattern.fleet.layers import LayerStack, base_files
from medpattern.fleet.merge import without_nulls
from medpattern.fleet.names import label_problem
from medpattern.fleet.places import GLOBAL_FILE, facts_files, find_values, join
from medpattern.fleet.repository import Repository

T = TypeVar("T")


@dataclass
class Fleet:
    """A values repository: the facts of all clusters, and `cluster()` to build one of them.

    Clusters in `without_group` name a group that does not exist; rendering them would only find what
    follows from that.
    """

    repository: Repository
    values_folder: str
    facts: dict[str, Facts]
    stack: LayerStack
    facts_files: dict[str, str] = field(default_factory=dict)
    without_group: set[str] = field(default_factory=set)
    _shared: dict[tuple[str, int], tuple[Any, Any]] = field(default_factory=dict)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What has been found so far."""
        return in_order(self.repository.findings)

    @cached_property
    def global_document(self) -> Any:
        """The data of values-global.yaml."""
        document = self.repository.document(join(self.values_folder, GLOBAL_FILE))
        return document.data if document else {}

    def cluster(self, name: str) -> Cluster:
        """Merges the layers of one cluster; findings go to `findings`.

        Raises:
            UsageError: no cluster has that name.
        """
        if name not in self.facts:
            raise UsageError(f"no cluster '{name}'; {did_you_mean(name, self.facts)}")
        facts = self.facts[name]
        hub = self.facts.get(facts.hub)
        layers = self.stack.of_cluster(facts)
        values, git = self.values_and_git(facts)
        injected = injected_globals(facts, hub, git)
        settings = values.get("medpattern")
        silenced = frozenset((settings if isinstance(settings, dict) else {}).get("silence") or ())
        if "unknown-fact" not in silenced:
            self._warn_of_unknown_facts(facts)
        shared = self._once("without_nulls", values.get("global"), without_nulls)
        globals_ = {**(shared if isinstance(shared, dict) else {}), **injected}
        group = values.get("clusterGroup")
        group = group if isinstance(group, dict) else {}
        options = globals_.get("options")
        approval = options if isinstance(options, dict) else {}
        once = self._once
        cluster = Cluster(
            facts=facts,
            layers=layers,
            values=values,
            globals=globals_,
            injected=injected,
            namespaces=once("namespaces", group, sections.namespaces),
            subscriptions=sections.subscriptions(group, approval),
            projects=once("projects", group, sections.projects),
            applications=once("applications", group, sections.applications),
            silenced=silenced,
            spokes=tuple(self.facts[spoke] for spoke in self._pushed.get(name, ())),
            hub=hub,
            neighbours=self._neighbours(facts),
            dropped=tuple(path for layer in layers for path in self.repository.dropped.get(layer.document.file, ())),
        )
        self.repository.findings += audit_group(cluster)
        return cluster

    @cached_property
    def _pushed(self) -> dict[str, list[str]]:
        """The clusters that each hub's Argo CD pushes to, sorted by name."""
        found: dict[str, list[str]] = {}
        for name, facts in sorted(self.facts.items()):
            if facts.is_pushed:
                found.setdefault(facts.hub, []).append(name)
        return found

    def _neighbours(self, facts: Facts) -> tuple[Facts, ...]:
        """The clusters pushed to by the same Argo CD; of a spoke's only those whose names begin with its own."""
        names = self._pushed.get(facts.hub if facts.is_pushed else facts.name, [])
        if facts.is_pushed:
            prefix = f"{facts.name}-"
            names = names[bisect_left(names, prefix) : bisect_left(names, prefix + "\U0010ffff")]
        return tuple(self.facts[name] for name in names)

    def is_sound(self, name: str) -> bool:
        """Whether the cluster's group exists and its files could be read: else all else would only follow."""
        files = {join(self.values_folder, file) for _, file in base_files(self.facts[name])}
        for file in files:
            self.repository.document(file)
        return name not in self.without_group and not files & self.repository.unreadable

    def values_and_git(self, facts: Facts) -> tuple[dict[str, Any], dict[str, str]]:
        """The merged values of a cluster, and its repoURL and targetRevision as far as they are set.

        They come from main.git or the cluster's parameters, never from a work tree's remote or branch.
        """
        values = self.stack.merged(self.stack.of_cluster(facts))
        main = values.get("main")
        git = main.get("git") if isinstance(main, dict) else None
        git = git if isinstance(git, dict) else {}
        pairs = {"repoURL": git.get("repoURL"), "targetRevision": git.get("revision")}
        pairs |= {key: facts.parameters[key] for key in pairs if key in facts.parameters}
        return values, {key: str(value) for key, value in pairs.items() if value}

    def _warn_of_unknown_facts(self, facts: Facts) -> None:
        for parameter, value, key in (
            ("clusterDomain", facts.domain, "domain"),
            ("clusterPlatform", facts.platform, "platform"),
            ("clusterVersion", facts.version, "version"),
        ):
            lost = self.repository.dropped.get(facts.document.file, ()) if facts.document else ()
            if not value and parameter not in facts.parameters and (key,) not in lost:
                place = facts.document.place(()) if facts.document else Place(self._global_file)
                cure = f"add '{key}:' to clusters/{facts.name}.yaml"
                message = f"global.{parameter} of cluster '{facts.name}' is left out, since the fact is unknown"
                self.repository.findings.append(Finding("unknown-fact", message, place, key, cure, Severity.WARNING))

    @property
    def _global_file(self) -> str:
        return join(self.values_folder, GLOBAL_FILE)

    def _once(self, what: str, part: Any, function: Callable[[Any], T]) -> T:
        """`function(part)`, computed once for clusters that share `part` itself."""
        key = (what, id(part))
        if key not in self._shared:
            self._shared[key] = (part, function(part))
        result: T = self._shared[key][1]
        return result


def load_fleet(root: Path, values: str | None = None, clusters: str | None = None) -> Fleet:
    """Reads values-global.yaml and the facts of every cluster of the repository at `root`.

    Args:
        root: the repository.
        values: folder of the values files, relative to `root`; found if None.
        clusters: folder of the facts, may lie outside; `clusters` beside the values files if None.

    Raises:
        UsageError: there is no repository at `root`.
    """
    if not root.is_dir():
        raise UsageError(f"{root}: no such folder")
    repository = Repository(root)
    folder = find_values(root, values)
    repository.document(join(folder, GLOBAL_FILE))
    files = facts_files(root, clusters or join(folder, "clusters"))
    facts = dict(_read_facts(repository, files))
    fleet = Fleet(repository, folder, facts, LayerStack(repository, folder), files)
    if not facts:
        name = _only_cluster(fleet)
        fleet.facts[name] = Facts(name=name, group=name, hub=name, argocd_namespace="openshift-gitops",
                                  distribution="openshift")  # fmt: skip
    _audit_facts(fleet)
    return fleet


def _read_facts(repository: Repository, files: dict[str, str]) -> Iterable[tuple[str, Facts]]:
    for name, shown in files.items():
        document = repository.document(shown, "cluster")
        if document is None:
            continue
        problem = label_problem(name)
        if problem:
            cure = "rename the file"
            repository.findings.append(Finding("name", f"cluster {problem}", Place(shown), cure=cure))
        data = document.data
        if isinstance(data.get("argocd") or {}, dict):
            yield name, facts_from(name, document)


def _only_cluster(fleet: Fleet) -> str:
    main = fleet.global_document.get("main")
    name = main.get("clusterGroupName") if isinstance(main, dict) else None
    if not isinstance(name, str) or not name:
        raise UsageError(
            f"{fleet.values_folder}/clusters holds no cluster and main.clusterGroupName is not set: "
            f"nothing to render; write clusters/<name>.yaml"
        )
    return name


def _audit_facts(fleet: Fleet) -> None:
    report = fleet.repository.findings.append
    for facts in fleet.facts.values():
        document = facts.document
        if document is None:
            continue
        if facts.hub not in fleet.facts:
            cure = did_you_mean(facts.hub, fleet.facts)
            report(Finding("unknown-hub", f"no cluster '{facts.hub}'", document.place(("hub",)), "hub", cure))
        if not facts.group:
            fleet.without_group.add(facts.name)
            continue
        file = join(fleet.values_folder, f"values-{facts.group}.yaml")
        if not (fleet.repository.root / file).is_file():
            known = sorted({other.group for other in fleet.facts.values()} - {facts.group})
            cure = f"make {file}" + (f", or use one of: {', '.join(known)}" if known else "")
            fleet.without_group.add(facts.name)
            report(Finding("unknown-group", f"no group '{facts.group}'", document.place(("group",)), "group", cure))
        for finding in label_findings(facts):
            report(finding)
        hub = fleet.facts.get(facts.hub)
        if hub and hub.is_pushed and facts.is_pushed:
            message = f"the hub '{hub.name}' is itself pushed to by '{hub.hub}'"
            report(
                Finding(
                    "unknown-hub",
                    message,
                    document.place(("hub",)),
                    "hub",
                    "name a cluster with its own Argo CD",
                )
            )
