"""Argo CD Applications: one per application of a cluster, and the roots that apply them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from medpattern.argocd.names import (
    API_VERSION,
    CLUSTER_APP,
    CLUSTER_LABEL,
    CLUSTER_WAVE,
    FINALIZER,
    GENERATE_PATHS,
    IN_CLUSTER,
    ROOT_PROJECT,
    SYNC_WAVE,
    argocd_namespace,
    destination,
)
from medpattern.charts.files import COPIED_VALUES
from medpattern.charts.mirrors import mirrored
from medpattern.checks.kinds import with_confirmation
from medpattern.documents.writer import dump
from medpattern.fleet.cluster import Cluster
from medpattern.fleet.facts import Facts
from medpattern.fleet.sections import Application

DEFAULT_RETRY_LIMIT = 20


@dataclass(frozen=True)
class Git:
    """Where Argo CD reads the rendered tree: `folder` is the tree's path in the repository."""

    repo_url: str
    revision: str
    folder: str


def cluster_namespaces(cluster: Cluster) -> set[str]:
    """The namespaces that cluster/ makes objects in; never empty."""
    names = {item.name for item in cluster.namespaces} | {item.namespace for item in cluster.subscriptions}
    return names or {"default"}


def application(
    cluster: Cluster,
    app: Application,
    wave: int,
    git: Git,
    values: dict[str, Any],
    *,
    copied: bool,
    guarded: bool,
) -> dict[str, Any]:
    """The Application of `app`.

    Args:
        cluster: the cluster its objects go to.
        app: the entry of clusterGroup.applications.
        wave: its sync wave.
        git: where the rendered tree is read.
        values: Helm values for a remote chart; not used otherwise.
        copied: whether the chart is an ordinary one, copied with a values file beside it.
        guarded: whether it makes objects that hold data and that medpattern could not mark one by one;
            Argo CD then asks before it deletes the Application with all it made.
    """
    name = cluster.facts.name_in_argocd(app.name)
    spec: dict[str, Any] = {
        "project": cluster.facts.name_in_argocd(app.project),
        "source": _source(cluster, app, git, values, copied=copied),
        "destination": destination(cluster.facts, app.namespace),
        "syncPolicy": _sync_policy(cluster, app),
    }
    if app.ignore_differences:
        spec["ignoreDifferences"] = [dict(entry) for entry in app.ignore_differences]
    annotations: dict[str, Any] = with_confirmation(dict(app.annotations)) if guarded else dict(app.annotations)
    return _manifest(cluster.facts, cluster.hub, name, wave, annotations, spec)


def _source(cluster: Cluster, app: Application, git: Git, values: dict[str, Any], *, copied: bool) -> dict[str, Any]:
    if not app.is_remote:
        path = f"{git.folder}/{cluster.name}/charts/{app.name}"
        helm: dict[str, Any] = {"releaseName": app.name}
        if copied:
            helm["valueFiles"] = [COPIED_VALUES]
        return {"repoURL": git.repo_url, "targetRevision": git.revision, "path": path, "helm": helm}
    source: dict[str, Any] = {"repoURL": remote_url(cluster, app)}
    if app.chart:
        source |= {"chart": app.chart, "targetRevision": app.chart_version}
        source["helm"] = {"releaseName": app.name}
    else:
        source |= {"path": app.path, "targetRevision": app.target_revision}
    if values:
        # Text, not valuesObject: a null in an object is dropped by the API server, and means something here.
        source.setdefault("helm", {"releaseName": app.name})["values"] = dump(values)
    return source


def remote_url(cluster: Cluster, app: Application) -> str:
    """The git or Helm repository of a remote application, mirrored."""
    main = cluster.values.get("main") or {}
    return mirrored(app.repo_url or str(main.get("multiSourceRepoUrl") or ""), cluster.globals.get("mirrors") or {})


def _sync_policy(cluster: Cluster, app: Application) -> dict[str, Any]:
    """The Application's spec.syncPolicy; server-side apply, so that operators and large objects fit."""
    options = cluster.options
    policy = app.sync_policy or options.get("syncPolicy") or "Automatic"
    # Operators bring kinds after their Applications are first compared: no dry run for what is not there yet.
    always = ["ServerSideApply=true", "SkipDryRunOnMissingResource=true"]
    if isinstance(policy, dict):
        given = [str(option) for option in policy.get("syncOptions") or ()]
        names = {option.partition("=")[0] for option in given}
        given += [option for option in always if option.partition("=")[0] not in names]
        return {**policy, "syncOptions": given}
    if policy.lower() == "manual":
        return {"syncOptions": always}
    limit = options.get("applicationRetryLimit", DEFAULT_RETRY_LIMIT)
    return {
        "automated": {"prune": options.get("prune", True), "selfHeal": options.get("selfHeal", True)},
        "retry": _retry(limit),
        "syncOptions": always,
    }


def _retry(limit: int) -> dict[str, Any]:
    """How a failed sync is tried again: with the newest commit, not twenty times with the one that is broken."""
    return {"limit": limit, "refresh": True, "backoff": {"duration": "5s", "factor": 2, "maxDuration": "3m"}}


def _manifest(
    facts: Facts,
    hub: Facts | None,
    name: str,
    wave: int | None,
    annotations: dict[str, str],
    spec: dict[str, Any],
) -> dict[str, Any]:
    waves = {} if wave is None else {SYNC_WAVE: str(wave)}
    return {
        "apiVersion": API_VERSION,
        "kind": "Application",
        "metadata": {
            "name": name,
            "namespace": argocd_namespace(facts, hub),
            "labels": {CLUSTER_LABEL: facts.name},
            "annotations": {**waves, GENERATE_PATHS: ".", **annotations},
            "finalizers": [FINALIZER],
        },
        "spec": spec,
    }


def _tree_application(
    facts: Facts,
    hub: Facts | None,
    name: str,
    project: str,
    git: Git,
    include: str,
    target: dict[str, str],
    wave: int | None,
) -> dict[str, Any]:
    spec = {
        "project": project,
        "source": {
            "repoURL": git.repo_url,
            "targetRevision": git.revision,
            "path": f"{git.folder}/{facts.name}",
            "directory": {"recurse": True, "include": include},
        },
        "destination": target,
        "syncPolicy": {
            "automated": {"prune": True, "selfHeal": True},
            "retry": _retry(DEFAULT_RETRY_LIMIT),
            "syncOptions": ["ServerSideApply=true"],
        },
    }
    return _manifest(facts, hub, name, wave, {}, spec)


def root(facts: Facts, hub: Facts | None, git: Git) -> dict[str, Any]:
    """The Application `<cluster>-root` that applies a cluster's cluster/ and argocd/.

    A spoke that is pushed to has its Applications in the hub: there the root applies argocd/ only, and
    `cluster_objects` in it applies cluster/ to the spoke.
    """
    target = {"server": IN_CLUSTER, "namespace": argocd_namespace(facts, hub)}
    include = "argocd/*.yaml" if facts.is_pushed else "{cluster/*.yaml,argocd/*.yaml}"
    return _tree_application(facts, hub, f"{facts.name}-root", ROOT_PROJECT, git, include, target, None)


def cluster_objects(cluster: Cluster, git: Git) -> dict[str, Any]:
    """The Application `<spoke>-cluster` in the hub that applies cluster/ to a spoke pushed to."""
    facts = cluster.facts
    name = facts.name_in_argocd(CLUSTER_APP)
    # Argo CD holds the destination against the project's namespaces, though every object names its own.
    target = destination(facts, min(cluster_namespaces(cluster)))
    return _tree_application(facts, cluster.hub, name, name, git, "cluster/*.yaml", target, CLUSTER_WAVE)
