"""What a cluster's root Application applies: cluster/, the AppProjects and the Applications."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from medpattern.argocd import applications, clustergroup, projects
from medpattern.argocd.applications import Git
from medpattern.argocd.grants import declared_kinds, possible_kinds
from medpattern.argocd.names import CLUSTER_APP
from medpattern.argocd.projects import Grants, Scope
from medpattern.argocd.waves import sync_waves
from medpattern.charts.kinds import DATA_KINDS
from medpattern.charts.mirrors import mirrored
from medpattern.charts.skeleton import file_name
from medpattern.charts.source import ChartSource
from medpattern.findings import Finding, dotted
from medpattern.fleet.cluster import Cluster
from medpattern.fleet.facts import Facts
from medpattern.fleet.sections import Application
from medpattern.rendering.apps import RenderedApp

Manifest = dict[str, Any]


@dataclass(frozen=True)
class RootInputs:
    """What the manifests of one cluster are made of: `sources` has the chart of every application."""

    cluster: Cluster
    apps: tuple[RenderedApp, ...]
    sources: dict[str, ChartSource | None]
    git: Git
    spokes: tuple[tuple[Facts, Git], ...]
    scope: Scope


def git_of(values: dict[str, Any], git: dict[str, str], tree: str) -> Git:
    """Where Argo CD reads the rendered tree: `git` of a cluster, through its mirrors."""
    section = values.get("global")
    mirrors = (section.get("mirrors") if isinstance(section, dict) else None) or {}
    return Git(mirrored(git.get("repoURL", ""), mirrors), git.get("targetRevision", ""), tree)


def manifests(inputs: RootInputs) -> Iterator[tuple[str, Manifest]]:
    """(file name, manifest) of root.yaml and everything in cluster/ and argocd/."""
    cluster, git = inputs.cluster, inputs.git
    yield "root.yaml", applications.root(cluster.facts, cluster.hub, git)
    grants, with_data = _grants(inputs)
    for manifest in clustergroup.cluster_objects(cluster, with_data):
        yield _path("cluster", manifest), manifest
    for name, needed in grants.items():
        manifest = projects.app_project(cluster, name, needed, inputs.scope)
        yield _path("argocd", manifest), manifest
    waves = sync_waves(cluster.applications)
    for rendered in inputs.apps:
        app, values = rendered.app, rendered.values.values
        copied = rendered.is_copied
        manifest = applications.application(cluster, app, waves[app.name], git, values, copied=copied)
        yield _path("argocd", manifest), manifest
    for manifest in _spoke_manifests(inputs) if cluster.facts.is_pushed else _hub_manifests(inputs):
        yield _path("argocd", manifest), manifest


def _spoke_manifests(inputs: RootInputs) -> Iterator[Manifest]:
    """For a spoke that is pushed to: the Application, in the hub, that applies its cluster/."""
    cluster, git = inputs.cluster, inputs.git
    yield applications.cluster_objects(cluster, git)
    grants = projects.cluster_grants(cluster, git.repo_url)
    yield projects.app_project(cluster, CLUSTER_APP, grants, inputs.scope)


def _hub_manifests(inputs: RootInputs) -> Iterator[Manifest]:
    """For a cluster with its own Argo CD: the project of roots, and the roots of its spokes."""
    cluster = inputs.cluster
    repositories = {inputs.git.repo_url, *(git.repo_url for _, git in inputs.spokes)}
    namespaces = {item.name for item in cluster.namespaces} | {item.namespace for item in cluster.subscriptions}
    yield projects.root_project(cluster, repositories, namespaces)
    for spoke, git in inputs.spokes:
        yield applications.root(spoke, cluster.facts, git)


def _grants(inputs: RootInputs) -> tuple[dict[str, Grants], set[str]]:
    """What each project must permit, and the namespaces that hold data; disabled applications count too."""
    grants = {project.name: Grants() for project in inputs.cluster.projects}
    with_data: set[str] = set()
    made = {id(rendered.app): rendered for rendered in inputs.apps}
    for app in inputs.cluster.applications:
        kinds = set(declared_kinds(app.kinds))
        source = inputs.sources.get(app.name)
        kinds |= possible_kinds(source) if source else set()
        namespaces = {app.namespace, *app.extra_namespaces} - {""}
        rendered = made.get(id(app))
        if rendered and rendered.chart:
            namespaces |= {found.namespace for found in rendered.chart.structure.objects if found.namespace}
        if kinds & (DATA_KINDS - {("", "Namespace")}):
            with_data |= namespaces
        if app.project in grants:
            needed = grants[app.project]
            needed.kinds |= kinds
            needed.namespaces |= namespaces
            url = applications.remote_url(inputs.cluster, app) if app.is_remote else inputs.git.repo_url
            needed.repositories.add(url)
    return grants, with_data


def missing_kinds(cluster: Cluster, enabled: Iterable[Application]) -> Iterator[Finding]:
    """Remote charts without `kinds`: their AppProject would permit nothing of what they make."""
    for app in enabled:
        if app.is_remote and not app.kinds:
            message = f"medpattern cannot look into '{app.name}', so its AppProject would permit nothing"
            cure = "list what it makes, as in 'kinds: [apps/Deployment, ServiceAccount]'"
            yield Finding("missing-kinds", message, cluster.place(app.key), dotted(app.key), cure)


def _path(folder: str, manifest: Manifest) -> str:
    return f"{folder}/{file_name(manifest['kind'], manifest['metadata']['name'])}"
