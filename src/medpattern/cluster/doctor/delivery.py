"""Complaints about Argo CD: what it cannot compare, apply, wait for or delete."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from medpattern.argocd import webhook
from medpattern.cluster.connection import WEBHOOK_MANAGER
from medpattern.cluster.doctor.platform import PATIENCE_SECONDS
from medpattern.cluster.doctor.removal import QUOTED_KINDS
from medpattern.cluster.doctor.snapshot import (
    APPLICATION,
    Check,
    Kind,
    Object,
    Said,
    Snapshot,
    age,
    labels,
    named,
    since,
    status,
)
from medpattern.cluster.doctor.streaming import SECRET
from medpattern.cluster.doctor.workloads import CONFIG_MAP
from medpattern.cluster.status.applications import RUNNING, live_application
from medpattern.cluster.status.causes import cure_of
from medpattern.cluster.status.statuses import STALE_AFTER
from medpattern.cluster.tracking import TRACKING_ID, tracking

SETTINGS = "argocd-cm"
HEALTH = "resource.customizations.health."
# Kinds that Argo CD has no health check for, and that later waves wait for; all have a status to read.
UNCHECKED: tuple[Kind, ...] = (
    APPLICATION,
    ("kafka.strimzi.io", "KafkaNodePool"),
    ("sources.knative.dev", "KafkaSource"),
    ("ceph.rook.io", "CephBucketTopic"),
    ("ceph.rook.io", "CephBucketNotification"),
    ("operator.serverless.openshift.io", "KnativeKafka"),
)
_SYNC = "see 'medpattern status --cluster', and the message of the sync in Argo CD"


def silent(seen: Snapshot) -> Iterator[Said]:
    """An Argo CD that has stopped looking."""
    looked = [(since(status(one).get("reconciledAt"), seen.now), one) for one in seen.of(APPLICATION)]
    if looked and min(looked, key=lambda row: row[0])[0] > STALE_AFTER.total_seconds():
        seconds, one = min(looked, key=lambda row: row[0])
        cure = "see whether the pods of Argo CD's application controller and repo-server run; all it says may be old"
        yield one, f"Argo CD has looked at no Application for {seconds / 60:.0f} min", cure


def errors(seen: Snapshot) -> Iterator[Said]:
    """Applications that Argo CD cannot compare or sync."""
    for one in seen.of(APPLICATION):
        for row in status(one).get("conditions") or ():
            if str(row.get("type", "")).endswith("Error"):
                said = f"{row['type']}: {' '.join(str(row.get('message', '')).split())}"
                yield one, said, cure_of(said) or _SYNC


def failed(seen: Snapshot) -> Iterator[Said]:
    """Applications whose last sync failed; the objects that were refused say why."""
    for one in seen.of(APPLICATION):
        live = live_application(one)
        if not live.has_failed:
            continue
        refused = list(_refused(one))
        for said in refused or [live.phase_message]:
            said = " ".join(said.split())
            yield one, f"the last sync failed: {said}", cure_of(said) or _SYNC


def _refused(one: Object) -> Iterator[str]:
    result = (status(one).get("operationState") or {}).get("syncResult") or {}
    for row in result.get("resources") or ():
        if row.get("status") == "SyncFailed" or row.get("hookPhase") in ("Failed", "Error"):
            yield f"{row.get('kind')}/{row.get('name')}: {_message(row, row.get('message'))}"


def _message(row: Object, said: object) -> str:
    """What Argo CD says of an object, unless it quotes a container, whose words may name a patient."""
    return "its log says why" if row.get("kind") in QUOTED_KINDS else str(said or "Argo CD does not say why")


def waiting(seen: Snapshot) -> Iterator[Said]:
    """Syncs that have been going on for long: what they wait for."""
    for one in seen.of(APPLICATION):
        state = status(one).get("operationState") or {}
        seconds = since(state.get("startedAt"), seen.now)
        said = " ".join(str(state.get("message") or "nobody says for what").split())
        if state.get("phase") != RUNNING or seconds <= PATIENCE_SECONDS:
            continue
        if "pruning confirmation" in said or "deletion confirmation" in said:
            cure = "look at what would go, back its data up, and confirm in Argo CD; or take it into git again"
        else:
            cure = cure_of(said) or "see the findings on the object that it names; a fix that is pushed is taken up"
        yield one, f"its sync has waited for {seconds / 60:.0f} min: {said}", cure


def shared(seen: Snapshot) -> Iterator[Said]:
    """Objects that two Applications pull to and fro."""
    for one in seen.of(APPLICATION):
        for row in status(one).get("conditions") or ():
            if row.get("type") == "SharedResourceWarning":
                cure = "let one application make it; 'medpattern validate' finds what two of a cluster declare"
                yield one, f"two Applications apply the same object: {row.get('message')}", cure


def undeleted(seen: Snapshot) -> Iterator[Said]:
    """Applications that do not go away."""
    for one in seen.of(APPLICATION):
        if "deletionTimestamp" in one["metadata"] and age(one, seen.now, key="deletionTimestamp") > PATIENCE_SECONDS:
            left = [f"{row.get('kind')}/{row.get('name')}" for row in status(one).get("resources") or ()]
            what = f"; it still has {', '.join(left[:5])}{' and more' if len(left) > 5 else ''}" if left else ""
            cure = (
                "see what holds its objects (finalizers, a confirmation that is asked for); keep Argo CD until they go"
            )
            yield one, f"it has been going away for long{what}", cure


def degraded(seen: Snapshot) -> Iterator[Said]:
    """Objects that Argo CD calls Degraded, of kinds that no other check looks at."""
    for one in seen.of(APPLICATION):
        for row in status(one).get("resources") or ():
            health = row.get("health") or {}
            kind = (str(row.get("group") or ""), str(row.get("kind")))
            if health.get("status") == "Degraded" and not seen.has(kind):
                said = " ".join(_message(row, health.get("message")).split())
                yield one, f"{row.get('kind')}/{row.get('name')} is Degraded: {said}", cure_of(said) or "see its events"


def unwatched(seen: Snapshot) -> Iterator[Said]:
    """Argo CDs that go on to the next wave without waiting, since they cannot tell whether a kind is healthy."""
    deployed = {
        (str(row.get("group") or ""), str(row.get("kind")))
        for one in seen.of(APPLICATION)
        for row in status(one).get("resources") or ()
    }
    for one in seen.of(CONFIG_MAP):
        if named(one)[1] != SETTINGS:
            continue
        data = one.get("data") or {}
        old = str(data.get("resource.customizations") or "")
        for group, kind in UNCHECKED:
            has_check = f"{HEALTH}{group}_{kind}" in data or f"{group}/{kind}:" in old
            if (group, kind) in deployed and not has_check:
                cure = "let the application gitops write it, or run 'medpattern bootstrap' again"
                yield one, f"it has no health check for {kind}: later waves do not wait for such objects", cure


def copied(seen: Snapshot) -> Iterator[Said]:
    """Secrets that carry the mark of another object, as copies made by hand do: Argo CD takes them for its own."""
    settings = next((one for one in seen.of(CONFIG_MAP) if named(one)[1] == SETTINGS), {})
    marks = tracking(settings.get("data") or {})
    for one in seen.of(SECRET):
        mark = str((one["metadata"].get("annotations") or {}).get(TRACKING_ID, ""))
        if mark and "label" not in marks.method and not marks.owner(one):
            cure = f"remove the annotation {TRACKING_ID} from the copy"
            yield one, f"it carries Argo CD's mark of another object ({mark})", cure


def unguarded(seen: Snapshot) -> Iterator[Said]:
    """Webhooks whose secret everybody knows: a reference that leads nowhere is taken for the secret itself."""
    made = {named(one): one for one in seen.of(SECRET)}
    for one in seen.of(SECRET):
        settings = _keys(one, WEBHOOK_MANAGER) if named(one)[1] == webhook.SETTINGS else frozenset()
        needed = {key for keys in webhook.KEYS.values() for setting, key in keys.items() if setting in settings}
        why = _lacks(made.get((named(one)[0], webhook.SECRET)), needed)
        if needed and why:
            cure = "run 'medpattern bootstrap' again, with the secrets file that has its entry"
            said = (
                f"its reference to {webhook.SECRET}, which {why}, is taken for the webhook's secret: anybody knows it"
            )
            yield one, said, cure


def _lacks(secret: Object | None, needed: Iterable[str]) -> str:
    """Why a reference to keys of a Secret leads nowhere, in words; "" if it does not, as far as metadata tell."""
    name, value = webhook.PART_OF
    if secret is None:
        return "is not there"
    if labels(secret).get(name) != value:
        return f"lacks the label {name}: {value}"
    absent = sorted(set(needed) - _keys(secret))
    return f"has no {', '.join(absent)}" if absent and secret["metadata"].get("managedFields") else ""


def _keys(secret: Object, manager: str = "") -> frozenset[str]:
    """The keys of a Secret, those of one manager if it is named: who owns which stands in the metadata."""
    return frozenset(
        key.removeprefix("f:")
        for row in secret["metadata"].get("managedFields") or ()
        if manager in ("", row.get("manager"))
        for part in ("f:data", "f:stringData")
        for key in (row.get("fieldsV1") or {}).get(part) or ()
    )


CHECKS = (
    Check("argo-cd-silent", (APPLICATION,), silent),
    Check("application-error", (APPLICATION,), errors),
    Check("sync-failed", (APPLICATION,), failed),
    Check("sync-waits", (APPLICATION,), waiting),
    Check("object-shared", (APPLICATION,), shared),
    Check("application-stuck", (APPLICATION,), undeleted),
    Check("object-degraded", (APPLICATION,), degraded),
    Check("health-check-missing", (APPLICATION, CONFIG_MAP), unwatched),
    Check("mark-copied", (APPLICATION, SECRET, CONFIG_MAP), copied),
    Check("webhook-open", (APPLICATION, SECRET), unguarded),
)
