"""What a login must be allowed to do, worked out from the objects that it will apply, and asked of the API server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from medpattern.cluster.connection import Connection, Object
from medpattern.cluster.preflight import Check, problem
from medpattern.cluster.resources import Resources

THREADS = 8
RBAC = "rbac.authorization.k8s.io"
# What these give to others, a login must have itself, or be allowed to give all the same.
_GRANTS = {"Role": "escalate", "ClusterRole": "escalate", "RoleBinding": "bind", "ClusterRoleBinding": "bind"}
_ROLES = {"RoleBinding": "roles", "ClusterRoleBinding": "clusterroles"}

Plurals = Mapping[tuple[str, str], tuple[str, bool]]


@dataclass(frozen=True, slots=True, order=True)
class Right:
    """One thing that a login may do; `namespace` is "" for all of them or for what lives in none."""

    group: str
    resource: str
    verb: str
    namespace: str = ""

    def __str__(self) -> str:
        where = f" in {self.namespace}" if self.namespace else ""
        return f"{self.verb} {self.resource}{'.' + self.group if self.group else ''}{where}"


def plurals(resources: Resources, definitions: Iterable[Object] = ()) -> dict[tuple[str, str], tuple[str, bool]]:
    """Resource name and whether it lives in a namespace, by (group, kind): the server's, and of CRDs yet to come."""
    found = {(one.group, one.kind): (one.plural, one.namespaced) for one in reversed(resources.all)}
    for one in definitions:
        spec: dict[str, Any] = one["spec"]
        found[spec["group"], spec["names"]["kind"]] = (spec["names"]["plural"], spec["scope"] == "Namespaced")
    return found


def to_apply(things: Iterable[Object], known: Plurals) -> set[Right]:
    """The rights that server-side apply of some objects needs.

    A kind that neither server nor definitions know is left out; that it is unknown is told elsewhere.
    """
    found: set[Right] = set()
    for one in things:
        group = str(one["apiVersion"]).rpartition("/")[0]
        resource, namespaced = known.get((group, one["kind"]), ("", False))
        namespace = str(one["metadata"].get("namespace", "")) if namespaced else ""
        if resource:
            found |= {Right(group, resource, verb, namespace) for verb in ("get", "create", "patch")}
        if group == RBAC and one["kind"] in _GRANTS:
            given = _given(one) or resource
            found.add(Right(RBAC, given, _GRANTS[one["kind"]], namespace))
    return found


def _given(thing: Object) -> str:
    """The resource that a binding binds to; "" for what is no binding."""
    kind = (thing.get("roleRef") or {}).get("kind")
    return {"Role": "roles", "ClusterRole": "clusterroles"}.get(str(kind), "") if thing["kind"] in _ROLES else ""


def missing(connection: Connection, rights: Iterable[Right]) -> tuple[Right, ...]:
    """Those of the rights that the login lacks, in order; one request for a login that may do everything.

    What is wanted in several namespaces is asked for all of them first.
    """
    if connection.review_access("*", "*", "*").allowed:
        return ()

    def refused(asked: Iterable[Right]) -> set[Right]:
        rows = sorted(asked)
        with ThreadPoolExecutor(THREADS) as threads:
            answers = threads.map(
                lambda one: connection.review_access(one.verb, one.group, one.resource, one.namespace), rows
            )
            return {one for one, answer in zip(rows, answers, strict=True) if not answer.allowed}

    wanted = set(rights)
    spread = Counter(_everywhere(one) for one in wanted)
    common = {one for one, count in spread.items() if count > 1}
    held = common - refused(common)
    return tuple(sorted(refused(one for one in wanted if _everywhere(one) not in held)))


def lacking(connection: Connection, rights: Iterable[Right], name: str) -> Iterator[Check]:
    """One problem under the name of a check for each right that the login lacks; nothing where it has all."""
    for right in missing(connection, rights):
        yield problem(name, f"the login may not {right}", "let an administrator grant it, or log in as one")


def _everywhere(right: Right) -> Right:
    return replace(right, namespace="")
