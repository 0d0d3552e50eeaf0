"""Every state of the Applications in the order in which they were stored, so that none between two looks is missed."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from threading import Thread

from urllib3.exceptions import HTTPError

from tests.live.servers.api import Api
from tests.live.servers.gitops import APPLICATIONS
from tests.real.servers.programs import FailedError

AGAIN_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Seen:
    """One state of an Application. `version` counts what is stored in the whole cluster, so it orders all of them."""

    version: int
    name: str
    sync: str
    health: str
    phase: str

    @property
    def is_well(self) -> bool:
        """Whether the next wave may begin: its sync is over, and all objects that Argo CD sees are healthy."""
        return self.health == "Healthy" and self.phase == "Succeeded"


class Watch:
    """Looks from its making on. `states` grows until the API server ends, which may end a watch at any time."""

    def __init__(self, api: Api) -> None:
        self.states: list[Seen] = []
        Thread(target=self._look, args=(api,), daemon=True).start()

    def _look(self, api: Api) -> None:
        with suppress(HTTPError):
            while True:
                with suppress(FailedError):
                    self._note(api)
                time.sleep(AGAIN_SECONDS)

    def _note(self, api: Api) -> None:
        for event in api.watch(APPLICATIONS):
            thing, status = event["object"], event["object"].get("status") or {}
            sync, health = status.get("sync") or {}, status.get("health") or {}
            operation = status.get("operationState") or {}
            self.states.append(
                Seen(
                    int(thing["metadata"]["resourceVersion"]),
                    thing["metadata"]["name"],
                    sync.get("status") or "",
                    health.get("status") or "",
                    operation.get("phase") or "",
                )
            )

    def first(self, name: str) -> int:
        """The version in which an Application was first there."""
        return min(one.version for one in self.states if one.name == name)

    def first_well(self, name: str) -> int:
        """The version in which it was well for the first time."""
        return min(one.version for one in self.states if one.name == name and one.is_well)
