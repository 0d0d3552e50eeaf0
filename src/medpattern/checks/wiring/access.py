"""What users may do: Kafka's ACLs, and the right to read Secrets of another namespace."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from medpattern.checks.manifests import Manifest
from medpattern.checks.wiring.breaches import Wrong
from medpattern.checks.wiring.graph import Graph
from medpattern.checks.wiring.paths import compile_path, first
from medpattern.checks.wiring.tables import GROUP, SECRET, TOPIC
from medpattern.checks.wiring.things import Reference, Thing, kind_of

_KAFKA, _USER = "kafka.strimzi.io/Kafka", "kafka.strimzi.io/KafkaUser"
_RBAC = "rbac.authorization.k8s.io"
_CLUSTER = compile_path('metadata.labels."strimzi.io/cluster"')
_AUTHORIZATION = compile_path("spec.kafka.authorization")
_ACLS = compile_path("spec.authorization.acls")
# https://kafka.apache.org/documentation/#operations_resources_and_protocols: these imply Describe.
_DESCRIBING = frozenset({"Read", "Write", "Delete", "Alter"})


def denied(graph: Graph) -> Iterator[Wrong]:
    """References to what their users may not use."""
    for reference in graph.references():
        if reference.needs and reference.thing.kind in (TOPIC, GROUP):
            yield from _kafka(graph, reference)
        elif reference.account is not None:
            yield from _secret(graph, reference, reference.account)


# ---- Kafka -----------------------------------------------------------------------------------------------------


def _kafka(graph: Graph, reference: Reference) -> Iterator[Wrong]:
    for user in users_behind(graph, reference.credentials):
        if not _is_judged(graph, user):
            continue
        lacking = [need for need in reference.needs if need not in _allowed(user, reference.thing)]
        if lacking:
            word = "consumer group" if reference.thing.kind == GROUP else "topic"
            message = (
                f"{reference.role} the {word} '{reference.thing.name}' as the KafkaUser {user.name}, who has no "
                f"{' and '.join(lacking)} there"
            )
            cure = f"give {user.name} {', '.join(lacking)} on the {word} in its acls"
            yield Wrong("missing-acl", reference.user, reference.path, message, cure)


def users_behind(graph: Graph, credentials: tuple[Thing, ...]) -> list[Manifest]:
    """The KafkaUsers whose passwords or certificates are in some Secrets, copies of copies included."""
    users: dict[Manifest, None] = {}
    waiting, seen = list(credentials), set(credentials)
    while waiting:
        found = graph.find(waiting.pop())
        if found is None or found.maker is None:
            continue
        if kind_of(found.maker) == _USER:
            users[found.maker] = None
            continue
        uses = graph.uses.get(found.maker)
        for reference in uses.references if uses else ():
            if reference.thing.kind == SECRET and reference.thing not in seen:
                seen.add(reference.thing)
                waiting.append(reference.thing)
    return list(users)


def _is_judged(graph: Graph, user: Manifest) -> bool:
    """Whether the user's Kafka looks at ACLs, and the user is none of those who may do everything."""
    cluster = first(user.data, _CLUSTER)
    kafka = graph.find(Thing(_KAFKA, user.namespace, cluster)) if isinstance(cluster, str) else None
    if kafka is None or kafka.maker is None:
        return False
    authorization = first(kafka.maker.data, _AUTHORIZATION)
    if not isinstance(authorization, dict) or authorization.get("type") != "simple":
        return False
    supers = authorization.get("superUsers")
    return not isinstance(supers, list) or not {user.name, f"User:{user.name}", f"CN={user.name}"} & set(
        map(str, supers)
    )


def _allowed(user: Manifest, thing: Thing) -> set[str]:
    """The operations that the ACLs of a user permit on a topic or group."""
    acls = first(user.data, _ACLS)
    found: set[str] = set()
    for acl in acls if isinstance(acls, list) else ():
        resource = acl.get("resource") if isinstance(acl, dict) else None
        if not isinstance(resource, dict) or resource.get("type") != thing.kind.removeprefix("kafka-"):
            continue
        name = str(resource.get("name", ""))
        prefixed = resource.get("patternType") == "prefix"
        if name not in ("*", thing.name) and not (prefixed and thing.name.startswith(name)):
            continue
        operations = acl.get("operations", acl.get("operation"))
        found |= set(map(str, operations if isinstance(operations, list) else [operations]))
    if "All" in found:
        return {"Read", "Write", "Describe", "Create", "Delete", "Alter"}
    return found | {"Describe"} if found & _DESCRIBING else found


# ---- Secrets ---------------------------------------------------------------------------------------------------


def _secret(graph: Graph, reference: Reference, account: Thing) -> Iterator[Wrong]:
    """Whether a Role in the Secret's namespace lets the account read it."""
    if graph.find(reference.thing) is None:
        return
    for binding in _bindings(graph, reference.thing.namespace):
        if _binds(binding, account) and any(_permits(role, reference.thing.name) for role in _roles(graph, binding)):
            return
    message = (
        f"copies {reference.thing} as the ServiceAccount {account.name} of {account.namespace}, who may not read it"
    )
    cure = f"add a Role in {reference.thing.namespace} with get on this Secret, bound to that ServiceAccount"
    yield Wrong("missing-right", reference.user, reference.path, message, cure)


def _bindings(graph: Graph, namespace: str) -> Iterator[Manifest]:
    for found in (*graph.of_kind(f"{_RBAC}/RoleBinding"), *graph.of_kind(f"{_RBAC}/ClusterRoleBinding")):
        if found.maker is not None and found.thing.namespace in (namespace, ""):
            yield found.maker


def _binds(binding: Manifest, account: Thing) -> bool:
    subjects = binding.data.get("subjects")
    return any(
        item.get("kind") == "ServiceAccount"
        and item.get("name") == account.name
        and (item.get("namespace") or binding.namespace) == account.namespace
        for item in (subjects if isinstance(subjects, list) else ())
        if isinstance(item, dict)
    )


def _roles(graph: Graph, binding: Manifest) -> Iterator[dict[str, Any] | None]:
    """The rules of the role that a binding gives; None for one that cannot be looked into."""
    role = binding.data.get("roleRef")
    if not isinstance(role, dict):
        return
    kind, name = str(role.get("kind", "")), str(role.get("name", ""))
    found = graph.find(Thing(f"{_RBAC}/{kind}", "" if kind == "ClusterRole" else binding.namespace, name))
    if found is None or found.maker is None:
        yield None
        return
    rules = found.maker.data.get("rules")
    yield from (rule for rule in (rules if isinstance(rules, list) else ()) if isinstance(rule, dict))


def _permits(rule: dict[str, Any] | None, secret: str) -> bool:
    if rule is None:
        return True

    def has(key: str, *words: str) -> bool:
        listed = rule.get(key)
        return isinstance(listed, list) and any(word in listed for word in words)

    named = rule.get("resourceNames")
    return (
        has("apiGroups", "", "*")
        and has("resources", "secrets", "*")
        and has("verbs", "get", "*")
        and (not named or has("resourceNames", secret))
    )
