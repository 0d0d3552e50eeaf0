"""What an Argo CD Application says of itself, read from the object that its controller keeps up to date.

Fields: https://argo-cd.readthedocs.io/en/stable/operator-manual/application.yaml and the CustomResourceDefinition.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from medpattern.argocd.names import CLUSTER_LABEL, SYNC_WAVE

SYNCED, OUT_OF_SYNC, HEALTHY, UNKNOWN = "Synced", "OutOfSync", "Healthy", "Unknown"
RUNNING, SUCCEEDED, TERMINATING = "Running", "Succeeded", "Terminating"
_FAILED = ("Failed", "Error")
# How a condition that is an error begins among the problems.
_ERROR = re.compile(r"\w+Error: ")
_UNCOMPARED = ("InvalidSpecError:", "ComparisonError:")


@dataclass(frozen=True, slots=True)
class ManagedObject:
    """One object of an Application, as Argo CD lists it. `wave` is the object's own."""

    group: str
    kind: str
    namespace: str
    name: str
    sync: str
    wave: int
    prunable: bool

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}" + (f" in {self.namespace}" if self.namespace else "")


@dataclass(frozen=True, slots=True)
class LiveApplication:
    """One Application of a live Argo CD.

    Attributes:
        name: of the Application, such as "hospital-1-kafka".
        cluster: the label medpattern.io/cluster; "" without one.
        wave: its sync wave among its root's objects.
        sync: Synced, OutOfSync or Unknown; Unknown where Argo CD has not compared yet.
        health: Healthy, Progressing, Degraded, Suspended, Missing or Unknown.
        revision: that was compared last: a git commit or a chart's version; several sources by commas.
        is_current: whether what was compared is the source and destination that the Application names now.
        phase: of the last sync: Running, Succeeded, Failed, Error, Terminating; "" if there was none.
        phase_message: what Argo CD says of that sync, such as what it waits for.
        retries: how often that sync was tried again.
        problems: conditions that are errors, and what is wrong with single objects.
        objects: what it manages.
        last_sync: when the last successful sync ended; None if there was none.
        reconciled: when Argo CD looked last.
        deleting: whether it is being deleted.
    """

    name: str
    cluster: str
    wave: int
    sync: str
    health: str
    revision: str
    is_current: bool
    phase: str
    phase_message: str
    retries: int
    problems: tuple[str, ...]
    objects: tuple[ManagedObject, ...]
    last_sync: datetime | None
    reconciled: datetime | None
    deleting: bool

    @property
    def drift(self) -> tuple[ManagedObject, ...]:
        """Its objects that are not as git has them."""
        return tuple(one for one in self.objects if one.sync == OUT_OF_SYNC)

    @property
    def has_failed(self) -> bool:
        """Whether the last sync failed."""
        return self.phase in _FAILED

    @property
    def is_well(self) -> bool:
        """Whether it is Synced and Healthy by its current source, and nothing goes on or went wrong."""
        settled = self.sync == SYNCED and self.health == HEALTHY and self.is_current
        return settled and not (self.phase == RUNNING or self.has_failed or self.problems or self.deleting)

    @property
    def lets_pass(self) -> bool:
        """Whether its root goes on to the next wave: what the health check of Applications in the chart gitops says."""
        is_compared = self.is_current and self.sync != UNKNOWN
        is_synced = self.phase == SUCCEEDED or (self.sync == SYNCED and self.phase not in (RUNNING, TERMINATING))
        has_error = any(text.startswith(_UNCOMPARED) for text in self.problems)
        return self.health == HEALTHY and is_compared and is_synced and not has_error

    @property
    def message(self) -> str:
        """What matters most of what it says, in one line; "" if there is nothing to say."""
        if self.deleting:
            return "is being deleted"
        errors = [text for text in self.problems if _ERROR.match(text)]
        running = self.phase_message if self.phase == RUNNING else ""
        refused = self.phase_message if self.has_failed or (running and self.retries) else ""
        first = next((text for text in (*errors, refused, *self.problems, running) if text), "")
        if not first and not self.is_current:
            first = "Argo CD has not yet compared the source that the Application names"
        return " ".join(first.split())


def live_application(data: dict[str, Any]) -> LiveApplication:
    """An Application as the API server has it; what is not there yet is Unknown or empty."""
    metadata, spec, status = data["metadata"], data.get("spec") or {}, data.get("status") or {}
    sync, operation = status.get("sync") or {}, status.get("operationState") or {}
    return LiveApplication(
        name=str(metadata["name"]),
        cluster=str((metadata.get("labels") or {}).get(CLUSTER_LABEL, "")),
        wave=_number((metadata.get("annotations") or {}).get(SYNC_WAVE)),
        sync=str(sync.get("status") or UNKNOWN),
        health=str((status.get("health") or {}).get("status") or UNKNOWN),
        revision=str(sync.get("revision") or ", ".join(sync.get("revisions") or ())),
        is_current=_is_current(spec, sync.get("comparedTo") or {}),
        phase=str(operation.get("phase") or ""),
        phase_message=str(operation.get("message") or ""),
        retries=_number(operation.get("retryCount")),
        problems=tuple(_problems(status)),
        objects=tuple(_objects(status)),
        last_sync=_last_sync(status),
        reconciled=_time(status.get("reconciledAt")),
        deleting="deletionTimestamp" in metadata,
    )


def _is_current(spec: dict[str, Any], compared: dict[str, Any]) -> bool:
    """Argo CD copies what it compared; with defaults filled in, so only what the spec says is looked for."""
    keys = ("sources",) if spec.get("sources") else ("source",)
    return all(_within(spec.get(key) or {}, compared.get(key) or {}) for key in (*keys, "destination"))


def _within(wanted: Any, there: Any) -> bool:
    if isinstance(wanted, dict):
        return isinstance(there, dict) and all(
            _within(value, there.get(key)) for key, value in wanted.items() if value not in ({}, [], "", None, False)
        )
    return bool(wanted == there)


def _problems(status: dict[str, Any]) -> Iterator[str]:
    for condition in status.get("conditions") or ():
        if str(condition.get("type", "")).endswith("Error"):
            yield f"{condition['type']}: {condition.get('message', '')}"
    health = status.get("health") or {}
    if health.get("status") not in (HEALTHY, None) and health.get("message"):
        yield str(health["message"])
    for row in status.get("resources") or ():
        own = row.get("health") or {}
        if own.get("status") not in (HEALTHY, None) and own.get("message"):
            yield f"{row.get('kind')}/{row.get('name')} is {own['status']}: {own['message']}"


def _objects(status: dict[str, Any]) -> Iterator[ManagedObject]:
    for row in status.get("resources") or ():
        if not row.get("hook"):
            yield ManagedObject(
                group=str(row.get("group") or ""),
                kind=str(row.get("kind") or ""),
                namespace=str(row.get("namespace") or ""),
                name=str(row.get("name") or ""),
                sync=str(row.get("status") or ""),
                wave=_number(row.get("syncWave")),
                prunable=bool(row.get("requiresPruning")),
            )


def _last_sync(status: dict[str, Any]) -> datetime | None:
    history = status.get("history") or [{}]
    operation = status.get("operationState") or {}
    ended = operation.get("finishedAt") if operation.get("phase") == "Succeeded" else None
    return _time(ended) or _time(history[-1].get("deployedAt"))


def _time(text: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text)).astimezone(UTC) if text else None
    except ValueError:
        return None


def _number(text: Any) -> int:
    try:
        return int(text or 0)
    except (TypeError, ValueError):
        return 0
