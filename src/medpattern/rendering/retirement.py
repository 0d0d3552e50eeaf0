"""A project outlives its last Application by one commit.

Argo CD prunes an Application's objects with the rights of its AppProject. The project keeps them for every
application that is still written down, disabled ones too. So an entry is first disabled, committed and
pruned, and only then removed; a render that would do both at once is refused here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from medpattern.argocd.names import CLUSTER_APP, ROOT_PROJECT
from medpattern.documents.reader import parse_file
from medpattern.documents.writer import dump
from medpattern.errors import InputError
from medpattern.findings import Finding, Severity, dotted
from medpattern.fleet.cluster import Cluster
from medpattern.fleet.facts import Facts
from medpattern.rendering.renderer import RenderedCluster
from medpattern.tree.history import committed_files
from medpattern.tree.plan import Action, Entry
from medpattern.tree.reading import read_application


def shrinking_projects(out: Path, rendered: RenderedCluster, entries: Iterable[Entry]) -> Iterator[Finding]:
    """Warnings for rights that a project loses while its applications stay.

    What a chart made with them, and makes no longer, Argo CD can then not prune.
    """
    cluster = rendered.cluster
    for entry in entries:
        name = entry.path.partition("/")[2]
        if entry.action is not Action.UPDATE or not name.startswith("argocd/appproject-"):
            continue
        old = _rights((out / entry.path).read_bytes())
        new = _rights(dump(rendered.manifests[name]).encode())
        lost = sorted(old - new)
        if lost:
            path = ("clusterGroup", "applications")
            words = ", ".join(lost[:6]) + (", ..." if len(lost) > 6 else "")
            project = Path(name).stem.removeprefix("appproject-")
            message = f"the project '{project}' loses {words}: what was made with these rights cannot be pruned"
            cure = "keep them for one commit by 'kinds:' or 'extraNamespaces:' of the application, or prune by hand"
            yield Finding("project-shrinks", message, cluster.place(path), dotted(path), cure, Severity.WARNING)


def _rights(content: bytes) -> set[str]:
    """The kinds and namespaces that an AppProject permits, in words; none of a damaged one."""
    try:
        spec = parse_file("appproject", content).data["spec"]
        kinds = (*spec["clusterResourceWhitelist"], *spec["namespaceResourceWhitelist"])
        found = {"/".join(filter(None, (kind["group"], kind["kind"]))) for kind in kinds}
        return found | {f"the namespace {target['namespace']}" for target in spec["destinations"]}
    except (InputError, KeyError, TypeError):
        return set()


def vanished_applications(
    root: Path, out: Path, tree: str, rendered: RenderedCluster, entries: Iterable[Entry]
) -> Iterator[Finding]:
    """Findings for Applications on disk or at HEAD whose project loses rights while nothing names them.

    Args:
        root: the repository.
        out: the rendered tree's folder.
        tree: its path in the repository.
        rendered: the cluster as it would become.
        entries: its part of the plan.
    """
    cluster = rendered.cluster
    changed = {
        Path(entry.path).stem.removeprefix("appproject-")
        for entry in entries
        if entry.action in (Action.UPDATE, Action.DELETE) and "/argocd/appproject-" in entry.path
    }
    shrinking = changed - {ROOT_PROJECT, cluster.facts.name_in_argocd(CLUSTER_APP)}
    if not shrinking:
        return
    declared = {cluster.facts.name_in_argocd(app.name) for app in cluster.applications}
    folder = out / cluster.name / "argocd"
    known = {path.name: path.read_bytes() for path in folder.glob("application-*.yaml")}
    known = {**committed_files(root, f"{tree}/{cluster.name}/argocd"), **known}
    for _, content in sorted(known.items()):
        old = read_application(content)
        if old and old.project in shrinking and old.name not in declared:
            path = ("clusterGroup", "applications")
            if _other_name(cluster.facts, old.name) in declared:
                yield _moved(cluster)
                return
            message = (
                f"'{old.name}' of cluster '{cluster.name}' is gone together with rights of its project "
                f"'{old.project}': Argo CD could not prune its objects"
            )
            cure = "write 'disabled: true' in its entry, commit, let Argo CD prune; remove the entry later"
            yield Finding("application-vanishes", message, cluster.place(path), dotted(path), cure)


def _other_name(facts: Facts, name: str) -> str:
    """What an Application of the other model is called in this one; itself if it is of none."""
    begin = f"{facts.name}-"
    return f"{begin}{name}" if facts.is_pushed else name.removeprefix(begin)


def _moved(cluster: Cluster) -> Finding:
    """That another Argo CD would get the Applications, and the one that has them would delete what they made."""
    facts = cluster.facts
    message = (
        f"the Applications of cluster '{cluster.name}' would move to the Argo CD of "
        f"'{facts.hub if facts.is_pushed else cluster.name}': the one that has them now would delete what they made"
    )
    cure = 'let it forget them first: "Change a cluster\'s model" in docs/operations.md'
    path = ("argocd", "model")
    place = facts.document.place(path) if facts.document else cluster.place(path)
    return Finding("application-vanishes", message, place, dotted(path), cure)
