"""What must be true before a cluster is bootstrapped: all findings, with cause and cure; nothing is changed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from medpattern.checks.manifests import Inventory
from medpattern.cluster.connection import Connection
from medpattern.errors import RefusalError
from medpattern.findings import some
from medpattern.fleet.facts import Facts

if TYPE_CHECKING:
    from medpattern.tree.plan import Plan

# Tokens and certificates are judged by the clock; a minute is more than any time service lets through.
LARGEST_SKEW = timedelta(minutes=1)
DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
OPENSHIFT_GROUP = "config.openshift.io"


class Verdict(StrEnum):
    """How a check came out; a problem ends the run before anything is changed."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `name` groups checks, and is what `--accept` takes; `cure` is "" if all is well."""

    name: str
    verdict: Verdict
    message: str
    cure: str = ""


def ok(name: str, message: str) -> Check:
    """A check that found nothing."""
    return Check(name, Verdict.OK, message)


def warning(name: str, message: str, cure: str) -> Check:
    """Something that is worth a look and stops nothing."""
    return Check(name, Verdict.WARNING, message, cure)


def problem(name: str, message: str, cure: str) -> Check:
    """Something that must be mended first."""
    return Check(name, Verdict.PROBLEM, message, cure)


def tree_check(name: str, tree: str, plan: Plan) -> Check:
    """Whether a cluster's part of the rendered tree is as its inputs render it.

    Args:
        name: of the cluster.
        tree: the path of the rendered tree, as the repository names it.
        plan: what rendering would change of it.
    """
    from medpattern.tree.plan import Action

    changed = [entry.path for entry in plan.of(Action.CREATE, Action.UPDATE, Action.DELETE, Action.FOREIGN)]
    if not changed:
        return ok("tree", f"{tree}/{name} is as its inputs render it")
    message = f"{tree}/{name} is not as its inputs render it: {some(changed)}"
    return problem("tree", message, "medpattern render, then commit and push")


# Going on all the same would change the wrong cluster, or fail half-way.
FINAL = ("server", "identity", "permissions", "argocd")
# All names of checks.
NAMES = (*FINAL, "clock", "digest", "distribution", "domain", "kinds", "repository", "secrets", "storage", "tree",
         "validate", "version")  # fmt: skip


def accepted(checks: Iterable[Check], names: Collection[str]) -> tuple[Check, ...]:
    """The checks with those problems turned into warnings that a person accepts by name."""
    return tuple(
        replace(one, verdict=Verdict.WARNING) if one.verdict is Verdict.PROBLEM and one.name in names else one
        for one in checks
    )


def problems(checks: Iterable[Check]) -> tuple[Check, ...]:
    """The checks that stop the run."""
    return tuple(one for one in checks if one.verdict is Verdict.PROBLEM)


def cluster_checks(connection: Connection, facts: Facts, known: Inventory, brought: Collection[str]) -> Iterator[Check]:
    """What the live cluster shows; nothing is changed.

    Args:
        connection: to the cluster.
        facts: what clusters/<name>.yaml says of it.
        known: the objects that it is to get.
        brought: the API groups that bootstrap itself brings.

    Raises:
        RemoteError: the server does not answer (any more).
    """
    version = connection.ask("GET", "/version").json()
    yield ok("server", f"{connection.server} answers, Kubernetes {str(version.get('gitVersion', '')).lstrip('v')}")
    yield from identity(connection, facts)
    yield from distribution(connection, facts)
    yield from versions(version, facts)
    yield from clock(connection.server_time, datetime.now(UTC))
    yield from kinds(connection, known, brought)
    yield from storage(connection, known)
    yield from domain(connection, facts)


def identity(connection: Connection, facts: Facts) -> Iterator[Check]:
    """Whether this is the cluster that the facts name: by the uid of kube-system, else by the server's URL."""
    uid = _uid(connection)
    same_server = bool(facts.server) and _url(facts.server) == _url(connection.server)
    file = f"clusters/{facts.name}.yaml"
    if facts.cluster_id:
        if uid and uid != facts.cluster_id:
            yield problem(
                "identity",
                f"this is another cluster: its kube-system has the uid {uid}, and {file} says {facts.cluster_id}",
                f"name the context of '{facts.name}' by --context; if the cluster was built anew, write the new uid "
                "as clusterId",
            )
        elif uid:
            yield ok("identity", f"the uid of kube-system is the clusterId of {file}")
        else:
            yield problem("identity", "the uid of kube-system cannot be read", "let the login get namespaces")
    elif facts.server and not same_server:
        yield problem(
            "identity",
            f"the context leads to {connection.server}, and {file} says {facts.server}",
            f"name the context of '{facts.name}' by --context; behind a tunnel write 'clusterId: {uid}' into {file}",
        )
    elif same_server:
        yield warning("identity", f"known by its URL alone: {facts.server}", f"write 'clusterId: {uid}' into {file}")
    else:
        yield problem(
            "identity",
            f"{file} says neither server nor clusterId, so nobody can tell whether {connection.server} is "
            f"'{facts.name}'",
            f"write 'clusterId: {uid}' into {file} if it is",
        )


def _uid(connection: Connection) -> str:
    try:
        found = connection.get("v1", "Namespace", "kube-system") or {}
    except RefusalError:
        return ""  # the checks of permissions say so
    return str(found.get("metadata", {}).get("uid", ""))


def _url(text: str) -> str:
    text = text.rstrip("/").lower()
    return text.removesuffix(":443")


def distribution(connection: Connection, facts: Facts) -> Iterator[Check]:
    """Whether it is OpenShift where the facts say so, and only there."""
    is_openshift = any(one.group == OPENSHIFT_GROUP for one in connection.resources.all)
    if is_openshift != facts.is_openshift:
        what = "OpenShift" if is_openshift else "no OpenShift"
        yield problem(
            "distribution",
            f"the cluster is {what}, and clusters/{facts.name}.yaml says 'distribution: {facts.distribution}'",
            "correct the fact and render again, or name another context",
        )


def versions(version: dict[str, Any], facts: Facts) -> Iterator[Check]:
    """Whether it runs the Kubernetes that the charts were rendered for."""
    live = f"{version.get('major', '')}.{str(version.get('minor', '')).rstrip('+')}"
    wanted = ".".join(facts.kubernetes_version.split(".")[:2])
    if wanted and live != wanted:
        yield warning(
            "version",
            f"the cluster runs Kubernetes {live}, and its charts were rendered and validated for {wanted}",
            f"correct the version in clusters/{facts.name}.yaml, render and validate again",
        )


def clock(server: datetime | None, here: datetime) -> Iterator[Check]:
    """Whether the clocks of the server and of this machine agree."""
    if server is None:
        return
    skew = abs(here - server)
    if skew > LARGEST_SKEW:
        yield warning(
            "clock",
            f"the clocks of the API server and of this machine differ by {int(skew.total_seconds())} s",
            "set the one that is wrong; logins and certificates fail by it",
        )


def kinds(connection: Connection, known: Inventory, brought: Collection[str]) -> Iterator[Check]:
    """Whether the cluster knows the kinds of all objects, or will: by an operator's Subscription or a further chart."""
    own = {_defined(one.data) for one in known.manifests if one.kind == "CustomResourceDefinition"}
    missing: dict[str, tuple[set[str], set[str]]] = {}
    for one in known.manifests:
        is_there = connection.resources.has(one.api_version, one.kind)
        if not is_there and one.group not in brought and (one.group, one.kind) not in own:
            names, apps = missing.setdefault(one.api_version, (set(), set()))
            names.add(one.kind)
            apps.add(one.app or "the root")
    later = known.of_kind("operators.coreos.com", "Subscription") or known.unseen
    for api_version, (names, apps) in sorted(missing.items()):
        kinds_of = f"{', '.join(sorted(names))} of {api_version}"
        message = f"the cluster does not know {kinds_of}; needed by {', '.join(sorted(apps))}"
        if later:
            yield warning("kinds", message, "the operators that the tree subscribes to, or its remote charts, bring it")
        else:
            yield problem("kinds", message, "install the operator that brings it, and its CustomResourceDefinitions")


def _defined(definition: dict[str, Any]) -> tuple[str, str]:
    spec = definition.get("spec") or {}
    return str(spec.get("group", "")), str((spec.get("names") or {}).get("kind", ""))


def storage(connection: Connection, known: Inventory) -> Iterator[Check]:
    """Whether there is a default StorageClass where a claim names none, and each class that one names."""
    wanted = {(name, one.app) for one in known.manifests for name in claimed(one.data)}
    if not wanted:
        return
    try:
        classes = connection.list("storage.k8s.io/v1", "StorageClass")
    except RefusalError:
        return  # the checks of permissions say so
    names = {one["metadata"]["name"] for one in classes}
    has_default = any((one["metadata"].get("annotations") or {}).get(DEFAULT_CLASS) == "true" for one in classes)
    for name, app in sorted(wanted):
        if not name and not has_default:
            yield problem(
                "storage",
                f"{app} claims storage of the default StorageClass, and the cluster has none",
                f"mark one by the annotation {DEFAULT_CLASS}: 'true', or name one in the values of {app}",
            )
        elif name and name not in names:
            there = ", ".join(sorted(names)) or "none"
            yield problem(
                "storage",
                f"{app} claims storage of the StorageClass {name}, and the cluster has {there}",
                f"make it, or name another in the values of {app}",
            )


def claimed(thing: dict[str, Any]) -> Iterator[str]:
    """The storage classes of an object's claims, "" for the default one; kinds of operators are not looked into."""
    spec = thing.get("spec")
    if not isinstance(spec, dict):
        return
    if thing.get("kind") == "PersistentVolumeClaim":
        yield _class(spec)
    for template in spec.get("volumeClaimTemplates") or () if thing.get("kind") == "StatefulSet" else ():
        yield _class(template.get("spec") or {})


def _class(spec: dict[str, Any]) -> str:
    return str(spec.get("storageClassName") or "")


def domain(connection: Connection, facts: Facts) -> Iterator[Check]:
    """Whether the router's domain is that of the facts (OpenShift; elsewhere nothing tells it)."""
    if not connection.resources.has(f"{OPENSHIFT_GROUP}/v1", "Ingress"):
        return
    try:
        found = connection.get(f"{OPENSHIFT_GROUP}/v1", "Ingress", "cluster") or {}
    except RefusalError:
        return
    live = str((found.get("spec") or {}).get("domain", ""))
    if live and live != facts.apps_domain:
        yield problem(
            "domain",
            f"the cluster's routes are below {live}, and clusters/{facts.name}.yaml says '{facts.apps_domain}'",
            f"write 'appsDomain: {live}' there, render and push",
        )
