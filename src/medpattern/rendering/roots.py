"""What a cluster's root Application applies: cluster/, the AppProjects and the Applications."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from medpattern.argocd import applications, clustergroup, projects
from medpattern.argocd.applications import Git
from medpattern.argocd.grants import GroupKind, declared_kinds, hides_kinds, possible_kinds
from medpattern.argocd.names import CLUSTER_APP
from medpattern.argocd.projects import Grants, Scope
from medpattern.argocd.waves import sync_waves
from medpattern.charts.mirrors import mirrored
from medpattern.charts.skeleton import file_name
from medpattern.charts.source import ChartSource
from medpattern.checks.kinds import DATA_KINDS
from medpattern.errors import InputError
from medpattern.findings import Finding, dotted
from medpattern.fleet.cluster import Cluster
from medpattern.fleet.facts import Facts
from medpattern.fleet.merge import lookup
from medpattern.fleet.sections import Application
from medpattern.rendering.apps import RenderedApp

Manifest = dict[str, Any]

_DATA = DATA_KINDS - {("", "Namespace")}


@dataclass(frozen=True)
class RootInputs:
    """What the manifests of one cluster are made of.

    `apps` are the enabled applications, `retired` the disabled ones, `sources` the charts of both.
    """

    cluster: Cluster
    apps: tuple[RenderedApp, ...]
    retired: tuple[RenderedApp, ...]
    sources: dict[str, ChartSource | None]
    git: Git
    spokes: tuple[tuple[Facts, Git], ...]
    scope: Scope


def git_of(values: dict[str, Any], git: dict[str, str], tree: str) -> Git:
    """Where Argo CD reads the rendered tree: `git` of a cluster, through its mirrors, below main.git.path."""
    mirrors = lookup(values, ("global", "mirrors"))[1] or {}
    path = lookup(values, ("main", "git", "path"))[1]
    folder = f"{path}/{tree}" if path else tree
    return Git(mirrored(git.get("repoURL", ""), mirrors), git.get("targetRevision", ""), folder)


def manifests(inputs: RootInputs) -> dict[str, Manifest]:
    """root.yaml and everything in cluster/ and argocd/ by file name.

    Raises:
        InputError: two objects of one kind, name and namespace.
    """
    files: dict[str, Manifest] = {}
    for folder, manifest in _manifests(inputs):
        kind, metadata = manifest["kind"], manifest["metadata"]
        name = f"{folder}/{file_name(kind, metadata['name'])}" if folder else "root.yaml"
        if name in files and metadata.get("namespace") != files[name]["metadata"].get("namespace"):
            name = f"{folder}/{file_name(kind, metadata['name'], metadata.get('namespace', ''))}"
        if name in files:
            message = f"two objects are {kind}/{metadata['name']}"
            place = inputs.cluster.place(("clusterGroup",))
            raise InputError([Finding("duplicate-name", message, place, "clusterGroup", "rename one of them")])
        files[name] = manifest
    return files


def _manifests(inputs: RootInputs) -> Iterator[tuple[str, Manifest]]:
    """(folder, manifest) of every object; the root has no folder."""
    cluster, git = inputs.cluster, inputs.git
    yield "", applications.root(cluster.facts, cluster.hub, git)
    grants, with_data = _grants(inputs)
    for manifest in clustergroup.cluster_objects(cluster, with_data):
        yield "cluster", manifest
    for name, needed in grants.items():
        manifest = projects.app_project(cluster, name, needed, inputs.scope)
        yield "argocd", manifest
    waves = sync_waves(cluster.applications)
    for rendered in inputs.apps:
        app, values = rendered.app, rendered.values.values
        guarded = rendered.chart is None and bool(_kinds(inputs, app) & _DATA)
        manifest = applications.application(
            cluster, app, waves[app.name], git, values, copied=rendered.is_copied, guarded=guarded
        )
        yield "argocd", manifest
    for manifest in _spoke_manifests(inputs) if cluster.facts.is_pushed else _hub_manifests(inputs):
        yield "argocd", manifest


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
    yield projects.root_project(cluster, repositories, applications.cluster_namespaces(cluster))
    for spoke, git in inputs.spokes:
        yield applications.root(spoke, cluster.facts, git)


def _grants(inputs: RootInputs) -> tuple[dict[str, Grants], set[str]]:
    """What each project must permit, and the namespaces that hold data; disabled applications count too."""
    grants = {project.name: Grants() for project in inputs.cluster.projects}
    with_data: set[str] = set()
    made = {id(rendered.app): rendered for rendered in (*inputs.apps, *inputs.retired)}
    for app in inputs.cluster.applications:
        kinds = _kinds(inputs, app)
        namespaces = {app.namespace, *app.extra_namespaces} - {""}
        rendered = made.get(id(app))
        if rendered and rendered.chart:
            namespaces |= {found.namespace for found in rendered.chart.structure.objects if found.namespace}
        if kinds & _DATA:
            with_data |= namespaces
        if app.project in grants:
            needed = grants[app.project]
            needed.kinds |= kinds
            needed.namespaces |= namespaces
            url = applications.remote_url(inputs.cluster, app) if app.is_remote else inputs.git.repo_url
            needed.repositories.add(url)
    return grants, with_data


def _kinds(inputs: RootInputs, app: Application) -> set[GroupKind]:
    """What `app` says that it makes, and what its chart can make."""
    source = inputs.sources.get(app.name)
    return set(declared_kinds(app.kinds)) | (possible_kinds(source) if source else set())


def missing_kinds(
    cluster: Cluster, enabled: Iterable[Application], sources: Mapping[str, ChartSource | None]
) -> Iterator[Finding]:
    """Charts that medpattern cannot look into and that do not say what they make.

    Their AppProject would permit too little.
    """
    for app in enabled:
        source = sources.get(app.name)
        if not app.kinds and (app.is_remote or (source and hides_kinds(source))):
            message = f"medpattern cannot see all that '{app.name}' makes, so its AppProject would permit too little"
            cure = "list what it makes, as in 'kinds: [apps/Deployment, ServiceAccount]'"
            yield Finding("missing-kinds", message, cluster.place(app.key), dotted(app.key), cure)
