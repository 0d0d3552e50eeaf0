"""Carries an uninstallation out: each step looks at what is there and does what is next, so any run goes on from it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from medpattern.argocd.names import FINALIZER
from medpattern.cluster.connection import Connection, Object
from medpattern.cluster.resources import UnknownKindError
from medpattern.cluster.tracking import Tracking
from medpattern.cluster.uninstall.contents import SETTERS, foreign, foreign_to_engine, managers, things
from medpattern.cluster.uninstall.engine import instances
from medpattern.cluster.uninstall.looking import live_tracking
from medpattern.cluster.uninstall.plan import Plan, Ref, Stage, Stay, Step, Verb
from medpattern.errors import RefusalError
from medpattern.findings import some

EVERY_SECONDS = 1.0
MERGE = "application/merge-patch+json"
# With this Argo CD deletes what it would otherwise ask about; it must not be older than the deletion.
APPROVED = "argocd.argoproj.io/deletion-approved"
OURS = "argocd.argoproj.io"

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended: the steps that are not over, and what stays although the plan meant it to go."""

    left: tuple[Step, ...]
    stays: tuple[Stay, ...]


def carry_out(connection: Connection, plan: Plan, namespace: str, seconds: float, tell: Tell) -> Ended:
    """Does the steps of a plan, group after group, each until its objects are gone.

    Args:
        connection: to the cluster.
        plan: what is to be done.
        namespace: of Argo CD.
        seconds: how long it may take.
        tell: gets a line for each object that is gone.

    Raises:
        RemoteError: the server went away, or refuses; a further run goes on.
    """
    run = _Run(connection, live_tracking(connection, namespace), tell)
    deadline = time.monotonic() + seconds
    for group in plan.groups():
        pending = list(group)
        while pending := [step for step in pending if not run.advance(step)]:
            if time.monotonic() >= deadline:
                return Ended(tuple(pending), tuple(run.stays))
            time.sleep(EVERY_SECONDS)
    return Ended((), tuple(run.stays))


class _Run:
    def __init__(self, connection: Connection, marks: Tracking, tell: Tell) -> None:
        self.connection = connection
        self.marks = marks
        self.tell = tell
        self.stays: list[Stay] = []
        self._seen: set[Ref] = set()
        self._do: dict[Verb, Callable[[Step, Object], bool]] = {
            Verb.STOP: lambda _, live: self._stop(live),
            Verb.DELETE_ALL: lambda _, live: self._delete_all(live),
            Verb.TAKE_APART: self._take_apart,
            Verb.LET_GO: lambda _, live: self._let_go(live),
            Verb.DELETE: lambda step, live: self._delete(step.thing, live),
            Verb.DELETE_SPACE: self._delete_space,
            Verb.TAKE_BACK: lambda step, live: self._take_back(step.thing, live),
            Verb.DELETE_DEFINITION: self._delete_definition,
        }

    def advance(self, step: Step) -> bool:
        """Does what is next; whether the step is over."""
        live = self.get(step.thing)
        if live is None:
            if step.thing in self._seen:
                self.tell(f"gone  {step.thing}")
            return True
        self._seen.add(step.thing)
        try:
            return self._do[step.verb](step, live)
        except RefusalError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            return False  # it went between the look and the change: the next look tells

    def get(self, ref: Ref) -> Object | None:
        """The live object; None if it, or its kind, is gone."""
        try:
            return self.connection.get(ref.api_version, ref.kind, ref.name, ref.namespace)
        except UnknownKindError:
            return None

    # ---- Applications --------------------------------------------------------------------------------------------

    def _stop(self, live: Object) -> bool:
        """Automation off, and the sync that runs ended as `argocd app terminate-op` does it."""
        if ((live.get("spec") or {}).get("syncPolicy") or {}).get("automated") is not None:
            self._patch(live, {"spec": {"syncPolicy": {"automated": None}}})
            self.tell(f"stopped  {live['kind']} {live['metadata']['name']}")
        phase = ((live.get("status") or {}).get("operationState") or {}).get("phase")
        if phase == "Running":
            self._patch(live, {"status": {"operationState": {"phase": "Terminating"}}})
        elif live.get("operation") and phase != "Terminating":
            self._patch(live, {"operation": None})  # asked for, not begun
        else:
            return phase != "Terminating"
        return False

    def _delete_all(self, live: Object) -> bool:
        """Deletion with all that it made, by Argo CD's finalizer; what Argo CD would ask about is agreed to."""
        metadata = live["metadata"]
        ended = metadata.get("deletionTimestamp")
        if not ended:
            if not any(one.startswith(FINALIZER) for one in metadata.get("finalizers") or ()):
                self._patch(live, {"metadata": {"finalizers": [*(metadata.get("finalizers") or ()), FINALIZER]}})
            return self._delete(_ref(live), live)
        if str((metadata.get("annotations") or {}).get(APPROVED, "")) < ended:
            self._patch(live, {"metadata": {"annotations": {APPROVED: ended}}})
        return False

    def _take_apart(self, step: Step, live: Object) -> bool:
        """Its objects one by one, the latest wave first, then the Application alone; data is never touched."""
        if not self._stop(live):
            return False
        for wave in sorted({wave for wave, _ in step.objects}, reverse=True):
            of_wave = [ref for each, ref in step.objects if each == wave]
            if [ref for ref in of_wave if not self._delete_of(live, ref)]:
                return False
        return self._let_go(live)

    def _delete_of(self, application: Object, ref: Ref) -> bool:
        live = self.get(ref)
        # What another Application has taken over is that one's.
        if live is None or self.marks.owner(live) != application["metadata"]["name"]:
            return True
        return self._delete(ref, live, "Foreground")

    def _let_go(self, live: Object) -> bool:
        """The Application without what it made: Argo CD's finalizers are taken off it, and no others."""
        metadata = live["metadata"]
        kept = [one for one in metadata.get("finalizers") or () if OURS not in one]
        if kept != (metadata.get("finalizers") or []):
            self._patch(live, {"metadata": {"finalizers": kept}})
        return self._delete(_ref(live), live)

    # ---- others --------------------------------------------------------------------------------------------------

    def _delete(self, ref: Ref, live: Object, propagation: str = "Background") -> bool:
        if "deletionTimestamp" not in live["metadata"]:
            self.connection.delete(ref.api_version, ref.kind, ref.name, ref.namespace, propagation=propagation)
        return False

    def _delete_space(self, step: Step, live: Object) -> bool:
        """A namespace, unless it holds by now what it would be wrong to delete."""
        if "deletionTimestamp" in live["metadata"]:
            return False
        found = things(self.connection, step.thing.name)
        is_engine = step.stage is Stage.ENGINE_SPACE
        others = foreign_to_engine(found) if is_engine else foreign(found, step.applications, self.marks)
        data = [one.ref for one in found if one.holds_data and step.keeps]
        if others or data:
            what = "what others have made" if others else "data"
            return self._stay(step, f"it holds {what}: {some(map(str, others or data))}")
        return self._delete(step.thing, live)

    def _take_back(self, ref: Ref, live: Object) -> bool:
        """Server-side apply of nothing, as each manager of ours: the keys go that nobody else owns."""
        metadata = {"name": ref.name, "namespace": ref.namespace}
        thing = {"apiVersion": ref.api_version, "kind": ref.kind, "metadata": metadata}
        for manager in sorted(SETTERS & managers(live["metadata"])):
            self.connection.apply(thing, force=True, field_manager=manager)
        self.tell(f"settings taken back  {ref}")
        return True

    def _delete_definition(self, step: Step, live: Object) -> bool:
        left = instances(self.connection, step.thing.name)
        if left and "deletionTimestamp" not in live["metadata"]:
            return self._stay(step, f"there are still objects of its kind: {some(left)}")
        self.connection.forget_kinds()
        return self._delete(step.thing, live)

    def _stay(self, step: Step, why: str) -> bool:
        self.stays.append(Stay(str(step.thing), why))
        self.tell(f"stays  {step.thing}: {why}")
        return True

    def _patch(self, live: Object, change: Object) -> None:
        ref = _ref(live)
        path = f"{self.connection.resource(ref.api_version, ref.kind).path(ref.namespace)}/{ref.name}"
        self.connection.ask("PATCH", path, {}, change, MERGE)


def _ref(live: Object) -> Ref:
    metadata = live["metadata"]
    return Ref(live["apiVersion"], live["kind"], metadata["name"], metadata.get("namespace", ""))
