"""What holds back a deletion: the object, its finalizer, and what to do. No finalizer of others is ever taken off."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from http import HTTPStatus

from medpattern.cluster.connection import Connection, Object
from medpattern.cluster.resources import UnknownKindError
from medpattern.cluster.status.applications import live_application
from medpattern.cluster.uninstall.contents import things
from medpattern.cluster.uninstall.plan import Ref, Step, Verb
from medpattern.errors import RefusalError

# (pattern in a finalizer, who takes it off and when)
CURES: tuple[tuple[str, str], ...] = (
    (r"argocd\.argoproj\.io", "Argo CD's application controller takes it off when what the Application made is gone: "
     "see whether it runs, and what its log says"),
    (r"pvc-protection|pv-protection", "Kubernetes takes it off when no pod uses the claim: delete the pods that do"),
    (r"foregroundDeletion", "Kubernetes takes it off when what belongs to the object is gone: see its dependents"),
    (r"strimzi", "Strimzi's operators take it off: see whether the one of this cluster's topics still runs"),
    (r"ceph\.rook\.io|objectbucket\.io", "Rook's operator takes it off when buckets and pools are empty: see its log"),
    (r"ocs\.openshift\.io|noobaa", "the operator of OpenShift Data Foundation takes it off: see its log"),
    (r"knative|eventing", "Knative's controllers take it off: see whether they run"),
    (r"external-secrets", "the External Secrets operator takes it off: see whether it runs"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Held:
    """What is not gone: the object in words, what holds it, and the cure."""

    thing: str
    why: str
    cure: str


def held(connection: Connection, steps: Iterable[Step]) -> tuple[Held, ...]:
    """What holds back the steps that are not over.

    Raises:
        RemoteError: the server does not answer.
    """
    found: list[Held] = []
    for step in steps:
        live = _get(connection, step.thing)
        if live is not None:
            found += _of_step(connection, step, live)
    return tuple(dict.fromkeys(found))


def _of_step(connection: Connection, step: Step, live: Object) -> Iterator[Held]:
    if step.verb is Verb.STOP:
        cure = "Argo CD's application controller ends it: see whether it runs"
        yield Held(str(step.thing), "its sync has not ended", cure)
        return
    inner = list(_inside(connection, step, live))
    yield from inner
    if step.thing.kind == "Namespace":
        yield from _of_space(live, is_explained=bool(inner))
    elif not inner:
        yield from _of_object(connection, step.thing, live)
    if step.thing.kind == "Application":
        said = [text for text in live_application(live).problems if text.startswith("DeletionError")]
        yield from (Held(str(step.thing), " ".join(text.split()), "") for text in said)


def _inside(connection: Connection, step: Step, live: Object) -> Iterator[Held]:
    """What of an Application's objects, or in a namespace, is being deleted and is held."""
    if step.thing.kind == "Namespace":
        for one in things(connection, step.thing.name):
            if one.is_ending and one.finalizers:
                yield from (_by_finalizer(connection, one.ref, name) for name in one.finalizers)
        return
    if step.thing.kind != "Application":
        return
    for row in (live.get("status") or {}).get("resources") or ():
        version = f"{row['group']}/{row['version']}" if row.get("group") else row["version"]
        ref = Ref(version, row["kind"], row["name"], row.get("namespace") or "")
        thing = _get(connection, ref)
        if thing is not None and "deletionTimestamp" in thing["metadata"]:
            yield from _of_object(connection, ref, thing)


def _of_object(connection: Connection, ref: Ref, live: Object) -> Iterator[Held]:
    names = live["metadata"].get("finalizers") or ()
    yield from (_by_finalizer(connection, ref, name) for name in names)
    if not names:
        yield Held(str(ref), "the server has not deleted it yet", "run this again")


def _of_space(live: Object, *, is_explained: bool) -> Iterator[Held]:
    """What the namespace controller says, which is more than finalizers where the server cannot list a kind."""
    name = f"Namespace {live['metadata']['name']}"
    conditions = (live.get("status") or {}).get("conditions") or ()
    for one in conditions:
        is_failure = one.get("type") in (
            "NamespaceDeletionDiscoveryFailure",
            "NamespaceDeletionGroupVersionParsingFailure",
            "NamespaceDeletionContentFailure",
        )
        if one.get("status") == "True" and is_failure:
            cure = "an API that is registered and does not answer holds every namespace: kubectl get apiservices"
            yield Held(name, f"{one['type']}: {' '.join(str(one.get('message', '')).split())}", cure)
    if not (conditions or is_explained):
        cure = "kube-controller-manager does it: see whether it runs"
        yield Held(name, "nobody has emptied it yet", cure)


def _by_finalizer(connection: Connection, ref: Ref, name: str) -> Held:
    cure = next(
        (text for pattern, text in CURES if re.search(pattern, name)), "the controller that set it takes it off"
    )
    where = f" -n {ref.namespace}" if ref.namespace else ""
    resource = connection.resource(ref.api_version, ref.kind)
    plural = f"{resource.plural}.{ref.group}" if ref.group else resource.plural
    by_hand = f"kubectl{where} edit {plural} {ref.name}"
    return Held(
        str(ref),
        f"held by its finalizer {name}",
        f"{cure}; if that is gone for good and what it would do is not needed, take the line off by hand: {by_hand}",
    )


def _get(connection: Connection, ref: Ref) -> Object | None:
    """The live object; None if it, or its kind, is gone, or if the login may not see what an Application has made."""
    try:
        return connection.get(ref.api_version, ref.kind, ref.name, ref.namespace)
    except UnknownKindError:
        return None
    except RefusalError as error:
        if error.status == HTTPStatus.FORBIDDEN:
            return None
        raise
