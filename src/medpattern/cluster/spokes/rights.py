"""What the hub's Argo CD may do on a spoke: worked out from the objects of the spoke's rendered tree, and no more.

Two laws of others shape the rights.

Argo CD (3.5, `resource.respectRBAC: strict`) lists every kind in every namespace of the cluster's Secret. A kind that
it may list in one of them and not in another fails the whole cluster, and it asks for the kind by its plural alone,
without the group (gitops-engine, pkg/cache/cluster.go, checkPermission). So what is read is read in all of the
namespaces, and so are kinds of other groups with the plural of one of the core group. Secrets are listed nowhere: Argo
CD then gets each by its name.

Kubernetes lets nobody make a Role with rights that he lacks: the account has the rules of the Roles in the tree, and
the right to bind the Roles of others that the tree binds, by name.
https://kubernetes.io/docs/reference/access-authn-authz/rbac/#privilege-escalation-prevention-and-bootstrapping
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from medpattern.cluster.permissions import RBAC, Plurals
from medpattern.cluster.resources import Resource

Rule = dict[str, Any]
GroupKind = tuple[str, str]

READ = ("get", "list", "watch")
WRITE = ("create", "delete", "patch", "update")
# Of what is named: `create` is asked before a name is known.
_NAMED_WRITE = ("delete", "patch", "update")
_ROLES = ("Role", "ClusterRole")
_BINDINGS = ("RoleBinding", "ClusterRoleBinding")


@dataclass(frozen=True, slots=True)
class Part:
    """An object that Argo CD is to apply: `namespace` is "" for what lives in none, `name` "" where nobody knows it."""

    group: str
    kind: str
    namespace: str
    name: str = ""
    data: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Rights:
    """The rules of a ClusterRole, and those of a Role in each namespace.

    Attributes:
        cluster: rules that hold everywhere: of kinds that live in no namespace, and of ClusterRoles in the tree.
        spaces: the rules by namespace.
        guessed: kinds that the cluster does not know yet, so that their resource names are guesses.
        aggregated: ClusterRoles that gather others, which only an administrator may make.
    """

    cluster: tuple[Rule, ...]
    spaces: dict[str, tuple[Rule, ...]]
    guessed: tuple[str, ...] = ()
    aggregated: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Place:
    group: str
    resource: str
    namespace: str
    names: tuple[str, ...]  # () for any


def rights(
    parts: Iterable[Part], known: Plurals, namespaces: Collection[str] = (), served: Iterable[Resource] = ()
) -> Rights:
    """The rights with which all of the parts can be applied, watched and pruned.

    Args:
        parts: the objects.
        known: resource name and scope by (group, kind), of the server and of CustomResourceDefinitions yet to come.
        namespaces: further ones that Argo CD is to look into.
        served: the server's kinds, to find those with the plural of a core one.
    """
    every = [(part, *_resource(part, known)) for part in parts]
    spaces = sorted({part.namespace for part, _, namespaced in every if namespaced} | set(namespaces))
    places = list(_places(every))
    inside = {(place.group, place.resource) for place in places if place.namespace}
    inside |= {(one.group, one.plural) for one in served if _is_namesake(one, inside)}
    outside = {(place.group, place.resource) for place in places if not place.namespace} | {("", "namespaces")}
    given = list(_given(part for part, _, _ in every))
    return Rights(
        tuple(_distinct([*_reading(outside), *_writing(places, ""), *(rule for at, rule in given if not at)])),
        {
            space: tuple(
                _distinct([*_reading(inside), *_writing(places, space), *(rule for at, rule in given if at == space)])
            )
            for space in spaces
        },
        tuple(sorted({_words(part) for part, _, _ in every if (part.group, part.kind) not in known})),
        tuple(sorted(part.name for part, _, _ in every if "aggregationRule" in part.data)),
    )


def guess(kind: str) -> str:
    """The resource name of a kind, as Kubernetes guesses it (UnsafeGuessKindToResource).

    >>> guess("NetworkPolicy"), guess("Ingress"), guess("Kafka")
    ('networkpolicies', 'ingresses', 'kafkas')
    """
    lower = kind.lower()
    if lower.endswith("s"):
        return f"{lower}es"
    return f"{lower[:-1]}ies" if lower.endswith("y") else f"{lower}s"


def _resource(part: Part, known: Plurals) -> tuple[str, bool]:
    return known.get((part.group, part.kind), (guess(part.kind), bool(part.namespace)))


def _words(part: Part) -> str:
    return f"{part.kind}.{part.group}" if part.group else part.kind


def _places(every: Iterable[tuple[Part, str, bool]]) -> Iterator[_Place]:
    """Each resource in each namespace once, with the names of its objects, if all of them are known."""
    found: dict[tuple[str, str, str], set[str]] = {}
    for part, resource, namespaced in every:
        found.setdefault((part.group, resource, part.namespace if namespaced else ""), set()).add(part.name)
    for (group, resource, namespace), names in sorted(found.items()):
        yield _Place(group, resource, namespace, () if "" in names else tuple(sorted(names)))


def _is_namesake(one: Resource, inside: Collection[tuple[str, str]]) -> bool:
    return bool(one.group) and one.namespaced and ("", one.plural) in inside and one.plural != "secrets"


def _reading(resources: Iterable[tuple[str, str]]) -> Iterator[Rule]:
    by_group: dict[str, set[str]] = {}
    for group, resource in resources:
        if (group, resource) != ("", "secrets"):
            by_group.setdefault(group, set()).add(resource)
    for group, found in sorted(by_group.items()):
        yield _rule(group, sorted(found), READ)


def _writing(places: Iterable[_Place], namespace: str) -> Iterator[Rule]:
    """Changes: of kinds in a namespace as a whole; of Secrets, and of what lives in no namespace, by name."""
    whole: dict[str, list[str]] = {}
    for place in (one for one in places if one.namespace == namespace):
        is_secret = (place.group, place.resource) == ("", "secrets")
        named = _NAMED_WRITE + (("get",) if is_secret else ())
        if namespace and not is_secret:
            whole.setdefault(place.group, []).append(place.resource)
        elif place.names:
            yield _rule(place.group, [place.resource], ("create",))
            yield _rule(place.group, [place.resource], named, place.names)
        else:
            yield _rule(place.group, [place.resource], ("create", *named))
    for group, resources in sorted(whole.items()):
        yield _rule(group, resources, WRITE)


def _rule(group: str, resources: Iterable[str], verbs: Iterable[str], names: Iterable[str] = ()) -> Rule:
    rule = {"apiGroups": [group], "resources": list(resources), "verbs": sorted(verbs)}
    return {**rule, "resourceNames": list(names)} if names else rule


def _given(parts: Iterable[Part]) -> Iterator[tuple[str, Rule]]:
    """What the account must have itself to give it to others: (namespace, rule), "" for everywhere."""
    every = [part for part in parts if part.group == RBAC]
    own = {(part.kind, part.namespace, part.name) for part in every if part.kind in _ROLES}
    for part in every:
        if part.kind in _ROLES:
            yield from ((part.namespace, rule) for rule in part.data.get("rules") or ())
        elif part.kind in _BINDINGS and part.data.get("roleRef"):
            kind, name = part.data["roleRef"]["kind"], part.data["roleRef"]["name"]
            if (kind, part.namespace if kind == "Role" else "", name) not in own:
                yield part.namespace, _rule(RBAC, [guess(kind)], ("bind",), (name,))


def _distinct(rules: Iterable[Rule]) -> list[Rule]:
    return list({json.dumps(rule, sort_keys=True): rule for rule in rules}.values())
