"""What the JSON Schema cannot see: names, references between sections, and what a distribution lacks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

from medpattern.findings import Finding, KeyPath, Place, did_you_mean, dotted
from medpattern.fleet.cluster import Cluster
from medpattern.fleet.facts import Facts
from medpattern.fleet.names import MAX_RELEASE_NAME, label_problem
from medpattern.fleet.sections import Application

# Namespaces that a platform brings along; nobody has to declare them.
_PLATFORM_NAMESPACE = re.compile(r"(openshift|kube)-|default\Z")
# Ranges, wildcards, and names that are branches by custom.
_FLOATING = re.compile(r"[*^~<>=|, ]|(^|\.)[xX](\.|$)|^(latest|HEAD|main|master|)$")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?\Z")
# Names that medpattern gives to Applications of its own beside the user's.
_RESERVED = frozenset({"cluster", "root", "medpattern-root"})


def audit_group(cluster: Cluster) -> list[Finding]:
    """Findings in the merged `clusterGroup`, `main` and `global` of one cluster, each at its place."""
    return [
        *_names(cluster),
        *_namespaces(cluster),
        *_subscriptions(cluster),
        *_applications(cluster),
        *_dependencies(cluster),
        *_source(cluster),
    ]


def label_findings(facts: Facts) -> Iterator[Finding]:
    """Labels of the facts that Kubernetes would refuse."""
    if facts.document is None:
        return
    for key, value in facts.labels.items():
        if not isinstance(value, str) or not _LABEL_VALUE.match(value):
            message = f"{value!r} is no label value: at most 63 letters, digits, '-', '_', '.'"
            yield Finding("name", message, facts.document.place(("labels", key)), f"labels.{key}")


def _at(cluster: Cluster, path: KeyPath, code: str, message: str, cure: str = "") -> Finding:
    return Finding(code, message, cluster.place(path), dotted(path), cure)


def _names(cluster: Cluster) -> Iterator[Finding]:
    for kind, items in (
        ("namespace", cluster.namespaces),
        ("project", cluster.projects),
        ("subscription", cluster.subscriptions),
    ):
        seen: dict[tuple[str, str], KeyPath] = {}
        for item in items:
            problem = label_problem(item.name)
            if problem:
                yield _at(cluster, item.key, "name", f"{kind} {problem}")
            elif kind == "project" and item.name in _RESERVED:
                yield _reserved(cluster, item.name, item.key)
            identity = (item.name, getattr(item, "namespace", ""))
            if identity in seen:
                yield _duplicate(cluster, kind, item.name, item.key, seen[identity])
            seen.setdefault(identity, item.key)


def _reserved(cluster: Cluster, name: str, key: KeyPath) -> Finding:
    return _at(cluster, key, "name", f"'{name}' is a name that medpattern uses itself", "rename it")


def _duplicate(cluster: Cluster, kind: str, name: str, key: KeyPath, first: KeyPath) -> Finding:
    message = f"a second {kind} named '{name}'; the first is at {cluster.place(first)}"
    return _at(cluster, key, "duplicate-name", message, "rename or remove one")


def _namespaces(cluster: Cluster) -> Iterator[Finding]:
    if cluster.facts.is_openshift:
        return
    for item in cluster.namespaces:
        if item.asks_operator_group:
            message = "there is no OperatorGroup on Kubernetes"
            path = (*item.key, "operatorGroup")
            yield _at(cluster, path, "needs-openshift", message, "remove 'operatorGroup' or set it to false")


def _subscriptions(cluster: Cluster) -> Iterator[Finding]:
    declared = {item.name for item in cluster.namespaces}
    for item in cluster.subscriptions:
        if not cluster.facts.is_openshift:
            message = f"there is no OLM on Kubernetes to install '{item.name}'"
            cure = "install the operator's chart as an application, or set 'disabled: true' for this cluster"
            yield _at(cluster, item.key, "needs-openshift", message, cure)
        elif (
            item.namespace not in declared
            and item.namespace != "openshift-operators"
            and not cluster.may_be_dropped("namespaces", item.namespace)
        ):
            path = (*item.key, "namespace")
            message = f"the namespace '{item.namespace}' is not declared"
            yield _at(
                cluster,
                path,
                "undeclared-namespace",
                message,
                _declare("namespaces", item.namespace, declared),
            )


def _applications(cluster: Cluster) -> Iterator[Finding]:
    namespaces = {item.name for item in cluster.namespaces}
    projects = {item.name for item in cluster.projects}
    seen: dict[str, KeyPath] = {}
    for app in cluster.applications:
        if not app.name:
            yield _at(cluster, app.key, "missing-key", "an application without a name", "add 'name:'")
            continue
        yield from _application_name(cluster, app)
        if app.name in seen:
            yield _duplicate(cluster, "application", app.name, app.key, seen[app.name])
        seen.setdefault(app.name, app.key)
        if not app.disabled:
            yield from _foreign_names(cluster, app)
            yield from _references(cluster, app, namespaces, projects)
            yield from _extra_namespaces(cluster, app, namespaces)
            yield from _origin(cluster, app)


def _application_name(cluster: Cluster, app: Application) -> Iterator[Finding]:
    problem = label_problem(app.name)
    if problem:
        yield _at(cluster, app.key, "name", f"application {problem}")
        return
    if app.name in _RESERVED:
        yield _reserved(cluster, app.name, app.key)
    full = cluster.facts.name_in_argocd(app.name)
    if len(full) > MAX_RELEASE_NAME:
        message = f"the Application '{full}' has {len(full)} characters, Helm allows {MAX_RELEASE_NAME}"
        yield _at(cluster, app.key, "name", message, "shorten the application's or the cluster's name")


def _foreign_names(cluster: Cluster, app: Application) -> Iterator[Finding]:
    """Names that would meet those of another cluster in the Argo CD that both share."""
    full = cluster.facts.name_in_argocd(app.name)
    for other in cluster.neighbours:
        if full.startswith(f"{other.name}-") and other.name != cluster.name:
            message = f"the Application '{full}' would be named like one of cluster '{other.name}'"
            yield _at(cluster, app.key, "name", message, "rename the application or the cluster")


def _references(cluster: Cluster, app: Application, namespaces: set[str], projects: set[str]) -> Iterator[Finding]:
    """The namespace and the project of an application, unless what declares them broke the schema."""
    path = (*app.key, "namespace")
    if not cluster.is_dropped(path) and not cluster.may_be_dropped("namespaces", app.namespace):
        if not app.namespace:
            yield _at(cluster, app.key, "missing-key", f"'{app.name}' has no namespace", "add 'namespace:'")
        elif app.namespace not in namespaces and not is_platform_namespace(app.namespace):
            message = f"the namespace '{app.namespace}' is not declared"
            cure = _declare("namespaces", app.namespace, namespaces)
            yield _at(cluster, path, "undeclared-namespace", message, cure)
    path = (*app.key, app.project_key)
    if not cluster.is_dropped(path) and not cluster.may_be_dropped("argoProjects", app.project):
        if not app.project:
            yield _at(cluster, app.key, "missing-key", f"'{app.name}' has no argoProject", "add 'argoProject:'")
        elif app.project not in projects:
            message = f"the project '{app.project}' is not declared"
            yield _at(cluster, path, "undeclared-project", message, _declare("argoProjects", app.project, projects))


def _extra_namespaces(cluster: Cluster, app: Application, namespaces: set[str]) -> Iterator[Finding]:
    for index, name in enumerate(app.extra_namespaces):
        known = name in namespaces or is_platform_namespace(name) or cluster.may_be_dropped("namespaces", name)
        if not known:
            message = f"the namespace '{name}' is not declared"
            cure = _declare("namespaces", name, namespaces)
            yield _at(cluster, (*app.key, "extraNamespaces", index), "undeclared-namespace", message, cure)


def is_platform_namespace(name: str) -> bool:
    """Whether a platform brings the namespace along, so that nobody has to declare it."""
    return bool(_PLATFORM_NAMESPACE.match(name))


def _declare(section: str, name: str, known: Iterable[str]) -> str:
    near = did_you_mean(name, known)
    return near if near.startswith("did you") else f"add it to clusterGroup.{section}"


def _origin(cluster: Cluster, app: Application) -> Iterator[Finding]:
    if app.chart and app.path:
        yield _at(cluster, (*app.key, "path"), "not-allowed", "'path' and 'chart' exclude each other", "keep one")
    lost = any(cluster.is_dropped((*app.key, word)) for word in ("path", "chart", "chartVersion", "targetRevision"))
    if not app.chart and not app.path and not lost:
        cure = "add 'path: charts/<name>', or 'repoURL', 'chart' and 'chartVersion'"
        yield _at(cluster, app.key, "missing-key", f"'{app.name}' names no chart", cure)
    if app.repo_url and has_credentials(app.repo_url):
        yield _at(cluster, (*app.key, "repoURL"), "credentials-in-url", "a URL with credentials", _NO_CREDENTIALS)
    wanted, word = (app.chart_version, "chartVersion") if app.chart else (app.target_revision, "targetRevision")
    if app.is_remote and not lost and (not wanted or _FLOATING.search(wanted)):
        path = (*app.key, word) if wanted else app.key
        message = f"'{app.name}' follows {wanted or 'whatever is newest'}: another chart tomorrow"
        cure = f"pin '{word}' to one version, or let 'medpattern lock --update' do it"
        yield _at(cluster, path, "floating-version", message, cure)
    if app.chart and not app.repo_url and not _default_repository(cluster):
        cure = "add 'repoURL:', or main.multiSourceRepoUrl for all"
        yield _at(cluster, app.key, "missing-key", f"'{app.name}' names no Helm repository", cure)


def _default_repository(cluster: Cluster) -> str:
    main = cluster.values.get("main")
    return str(main.get("multiSourceRepoUrl") or "") if isinstance(main, dict) else ""


_NO_CREDENTIALS = "give Argo CD a repository Secret instead, and take the password out of git's history"


def has_credentials(url: str) -> bool:
    """Whether `url` carries a password, or a user name where only a token would."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return bool(parts.password) or (parts.scheme in ("http", "https") and parts.username is not None)


def _dependencies(cluster: Cluster) -> Iterator[Finding]:
    known = {app.name: app for app in cluster.applications if app.name}
    for app in cluster.applications:
        for index, name in enumerate(app.depends_on):
            if name not in known:
                path = (*app.key, "dependsOn", index)
                message = f"there is no application '{name}' beside it"
                yield _at(cluster, path, "unknown-application", message, did_you_mean(name, set(known) - {app.name}))
    for cycle in _cycles({name: app.depends_on for name, app in known.items()}):
        path = (*known[cycle[0]].key, "dependsOn")
        message = "applications wait for each other: " + " -> ".join((*cycle, cycle[0]))
        yield _at(cluster, path, "dependency-cycle", message, "remove one of these 'dependsOn'")


def _cycles(graph: dict[str, tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Each cycle once, beginning with its first name in alphabetical order."""
    found: dict[frozenset[str], tuple[str, ...]] = {}

    def visit(name: str, trail: tuple[str, ...]) -> None:
        if name in trail:
            cycle = trail[trail.index(name) :]
            start = cycle.index(min(cycle))
            found.setdefault(frozenset(cycle), cycle[start:] + cycle[:start])
            return
        if name in done:
            return
        for below in graph.get(name, ()):
            visit(below, (*trail, name))
        done.add(name)

    done: set[str] = set()
    for name in sorted(graph):
        visit(name, ())
    return list(found.values())


def _source(cluster: Cluster) -> Iterator[Finding]:
    others: dict[KeyPath, Any] = {("main", "multiSourceRepoUrl"): _default_repository(cluster)}
    mirrors = cluster.globals.get("mirrors")
    others |= {("global", "mirrors", key): url for key, url in (mirrors if isinstance(mirrors, dict) else {}).items()}
    for path, url in others.items():
        if has_credentials(str(url)) or has_credentials(f"https://{url}"):
            yield _at(cluster, path, "credentials-in-url", "a URL with credentials", _NO_CREDENTIALS)
    for key, word in (("repoURL", "repoURL"), ("targetRevision", "revision")):
        path = ("main", "git", word)
        value = cluster.globals.get(key)
        if not value and not cluster.is_dropped(path):
            message = "Argo CD would not know where to read the rendered tree"
            yield _at(cluster, path, "missing-key", message, f"set main.git.{word} in values-global.yaml")
        elif value and key == "repoURL" and has_credentials(str(value)):
            document = cluster.facts.document
            if document and key in cluster.facts.parameters:
                place: Place = document.place(("parameters", key))
                yield Finding(
                    "credentials-in-url",
                    "a URL with credentials",
                    place,
                    "parameters.repoURL",
                    _NO_CREDENTIALS,
                )
            else:
                yield _at(cluster, path, "credentials-in-url", "a URL with credentials", _NO_CREDENTIALS)
