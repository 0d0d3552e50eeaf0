"""What an Application says, what a cluster lacks, and what holds back what."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from medpattern.cluster.seats import Seat, seats
from medpattern.cluster.status.applications import LiveApplication, live_application
from medpattern.cluster.status.asking import fleet_status
from medpattern.cluster.status.expected import ExpectedApplication, expected_applications
from medpattern.cluster.status.statuses import ClusterStatus, Presence, cluster_status, owners
from medpattern.errors import RemoteError, UsageError
from medpattern.fleet.fleet import load_fleet
from tests.cluster.standin import StandIn, thing
from tests.fleet.small import SMALL

NOW = datetime(2026, 11, 22, tzinfo=UTC)
SOURCE = {"repoURL": "https://git.example.org/small.git", "targetRevision": "main", "path": "rendered/west"}


def application(name: str, wave: int = 0, state: str = "Healthy", **status: Any) -> LiveApplication:
    """A live Application of the cluster west, Synced unless told otherwise."""
    spec = {"source": SOURCE, "destination": {"server": "https://x"}}
    data = {
        "metadata": {
            "name": name,
            "labels": {"medpattern.io/cluster": "west"},
            "annotations": {"argocd.argoproj.io/sync-wave": str(wave)},
        },
        "spec": spec,
        "status": {"sync": {"status": "Synced", "comparedTo": spec}, "health": {"status": state}, **status},
    }
    return live_application(data)


def root(*unapplied: str, **status: Any) -> LiveApplication:
    """west-root, which has not applied some Applications yet."""
    rows = [{"group": "argoproj.io", "kind": "Application", "name": name, "status": "OutOfSync"} for name in unapplied]
    return application("west-root", resources=rows, **status)


class Tree(dict[str, ExpectedApplication]):
    """What the rendered tree has: names with their waves."""

    def __init__(self, folder: Path, **waves: int) -> None:
        super().__init__({"west-root": ExpectedApplication("west-root", folder / "root.yaml", is_root=True)})
        for name, wave in waves.items():
            file = folder / f"{name}.yaml"
            file.write_text(f"metadata:\n  annotations: {{argocd.argoproj.io/sync-wave: '{wave}'}}\n")
            self[name] = ExpectedApplication(name, file)


def held(found: ClusterStatus) -> dict[str, tuple[str, ...]]:
    return {one.name: one.held_by for one in found.applications if one.held_by}


def test_what_is_missing_behind_a_wave_that_is_not_healthy_waits_for_it(tmp_path: Path) -> None:
    tree = Tree(tmp_path, broker=0, legend=0, viewer=1, reports=2)
    live = [root("viewer", "reports"), application("broker", 0, "Degraded"), application("legend")]

    found = cluster_status("west", "west", tree, live)

    assert (found.holding, found.pending_waves) == (("broker",), (1, 2))
    assert held(found) == {"viewer": ("broker",), "reports": ("broker",)}
    assert [one.presence for one in found.applications if one.wave] == [Presence.MISSING] * 2


TRIED = {"phase": "Running", "message": "one or more objects failed to apply. Retrying attempt #3 at 3:46AM."}
OUT_OF_SYNC = {"status": "OutOfSync", "comparedTo": {"source": SOURCE, "destination": {"server": "https://x"}}}


@pytest.mark.parametrize(
    "status",
    [
        {"sync": OUT_OF_SYNC, "operationState": TRIED},
        {"sync": OUT_OF_SYNC, "operationState": {"phase": "Failed"}},
        {"sync": OUT_OF_SYNC},
        {"conditions": [{"type": "ComparisonError", "message": "no such chart"}]},
    ],
    ids=["tried again", "failed", "not synced yet", "not compared"],
)
def test_what_is_healthy_and_not_synced_holds_the_next_wave_back(tmp_path: Path, status: dict[str, Any]) -> None:
    """Objects that are missing do not count in the health that Argo CD computes; its root waits all the same."""
    tree = Tree(tmp_path, broker=0, viewer=1)
    waiting = {"phase": "Running", "message": "waiting for healthy state of argoproj.io/Application/broker"}

    found = cluster_status("west", "west", tree, [root("viewer", operationState=waiting),
                                                  application("broker", **status)])  # fmt: skip

    assert held(found) == {"viewer": ("broker",)}


def test_what_was_synced_and_has_drifted_holds_nothing_back(tmp_path: Path) -> None:
    tree = Tree(tmp_path, broker=0, viewer=1)
    drifted = application("broker", sync=OUT_OF_SYNC, operationState={"phase": "Succeeded"})

    assert held(cluster_status("west", "west", tree, [root("viewer"), drifted])) == {}


def test_what_is_applied_already_waits_for_nothing_although_an_earlier_wave_is_ill(tmp_path: Path) -> None:
    tree = Tree(tmp_path, broker=0, viewer=1)

    found = cluster_status(
        "west", "west", tree, [root(), application("broker", 0, "Degraded"), application("viewer", 1)]
    )

    assert found.holding == ()
    assert held(found) == {}
    assert not found.is_well


def test_a_change_that_was_not_applied_yet_waits_too(tmp_path: Path) -> None:
    tree = Tree(tmp_path, broker=0, viewer=1)
    stale = {"status": "Synced", "comparedTo": {"source": {**SOURCE, "path": "elsewhere"}}}
    live = [root("viewer"), application("broker", sync=stale), application("viewer", 1)]

    assert held(cluster_status("west", "west", tree, live)) == {"viewer": ("broker",)}


def test_where_no_application_is_the_cause_the_root_is(tmp_path: Path) -> None:
    tree = Tree(tmp_path, broker=0, viewer=1)
    refused = {"phase": "Failed", "message": 'namespaces "ward" is forbidden'}

    found = cluster_status("west", "west", tree, [root("broker", "viewer", operationState=refused)])

    assert held(found) == {"broker": ("west-root",), "viewer": ("west-root",)}
    assert found.applications[0].message == 'namespaces "ward" is forbidden'


def test_nothing_of_a_new_cluster_waits_for_anything_before_its_root_is_there(tmp_path: Path) -> None:
    found = cluster_status("west", "west", Tree(tmp_path, broker=0), [])

    assert [one.sync for one in found.applications] == ["Missing", "Missing"]
    assert held(found) == {}


def test_when_argo_cd_looked_last_is_told_by_the_servers_clock(tmp_path: Path) -> None:
    def looked(minutes: int) -> dict[str, Any]:
        return {"reconciledAt": (NOW - timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")}

    tree = Tree(tmp_path, broker=0)
    live = [root(**looked(90)), application("broker", **looked(40))]

    assert cluster_status("west", "west", tree, live, NOW).looked == timedelta(minutes=40)
    assert cluster_status("west", "west", tree, live, NOW).is_stale
    assert not cluster_status("west", "west", tree, live, NOW - timedelta(minutes=39)).is_stale


def test_an_application_is_of_the_cluster_that_names_it_or_that_it_names() -> None:
    ours, labelled = application("east-viewer"), application("gone")
    foreign = live_application({"metadata": {"name": "theirs"}})

    found = owners([ours, labelled, foreign], {"east": ["east-viewer"], "west": []})

    assert found == {"east": [ours], "west": [labelled], "": [foreign]}


@pytest.mark.parametrize(
    ("status", "message", "is_well"),
    [
        ({}, "", True),
        ({"health": {"status": "Progressing"}}, "", False),
        ({"health": {"status": "Degraded", "message": "no\n pods"}}, "no pods", False),
        ({"conditions": [{"type": "ComparisonError", "message": "no path"}]}, "ComparisonError: no path", False),
        ({"conditions": [{"type": "SharedResourceWarning", "message": "x"}]}, "", True),
        ({"operationState": {"phase": "Error", "message": "refused"}}, "refused", False),
        ({"operationState": {"phase": "Succeeded", "message": "done"}}, "", True),
        ({"operationState": {"phase": "Running", "message": "no server. Retrying", "retryCount": 1},
          "health": {"status": "Progressing", "message": "no pods"}}, "no server. Retrying", False),
        ({"operationState": {"phase": "Running", "message": "waiting for broker"},
          "health": {"status": "Progressing", "message": "no pods"}}, "no pods", False),
        ({"resources": [{"kind": "Pod", "name": "a", "health": {"status": "Progressing", "message": "pending"}}]},
         "Pod/a is Progressing: pending", False),
    ],
)  # fmt: skip
def test_what_an_application_says_of_itself(status: dict[str, Any], message: str, is_well: bool) -> None:
    found = application("viewer", **status)

    assert (found.message, found.is_well) == (message, is_well)


def test_the_last_sync_is_the_last_that_succeeded() -> None:
    history = [{"deployedAt": "2026-11-20T00:00:00Z"}, {"deployedAt": "2026-11-21T00:00:00Z"}]
    done = {"phase": "Succeeded", "finishedAt": "2026-11-22T00:00:00Z"}

    assert application("a", history=history, operationState=done).last_sync == NOW
    assert application("a", history=history, operationState={**done, "phase": "Failed"}).last_sync == NOW - timedelta(1)
    assert application("a").last_sync is None


def test_an_application_without_a_status_is_unknown_and_not_well() -> None:
    found = live_application({"metadata": {"name": "a"}, "spec": {"source": SOURCE}})

    assert (found.sync, found.health, found.is_current, found.is_well) == ("Unknown", "Unknown", False, False)


def test_clusters_that_pull_have_applications_of_the_same_names_each_in_its_own_argo_cd(tmp_path: Path) -> None:
    ready = {"status": {"sync": {"status": "Synced"}, "health": {"status": "Healthy"}}}
    servers, expected = {}, {}
    for name in ("north", "west"):
        labels = {"labels": {"medpattern.io/cluster": name}}
        names = (f"{name}-root", "broker")
        servers[name] = StandIn(thing("Application", one, "argocd", metadata=labels, **ready) for one in names)
        expected[name] = {one: ExpectedApplication(one, tmp_path / "root.yaml", is_root=True) for one in names}
    asked = [Seat(name, "", "argocd", (name,)) for name in servers]

    found = fleet_status(asked, expected, lambda seat: servers[seat.cluster])

    assert [(one.name, one.is_well, len(one.applications)) for one in found] == [("north", True, 2), ("west", True, 2)]


def test_a_cluster_that_does_not_answer_is_not_well_though_its_hub_says_so(tmp_path: Path) -> None:
    class Gone(StandIn):
        def ask(self, *_words: Any, **_more: Any) -> Any:
            raise RemoteError("https://east does not answer")

    ready = {"status": {"sync": {"status": "Synced"}, "health": {"status": "Healthy"}}}
    names = ("hub-root", "east-root", "north-root")
    hub = StandIn(thing("Application", one, "argocd", **ready) for one in names)
    expected = {one.removesuffix("-root"): {one: ExpectedApplication(one, tmp_path, is_root=True)} for one in names}
    asked = [Seat("hub", "", "argocd", ("east", "hub", "north"))]

    found = fleet_status(asked, expected, lambda _: hub, {"east": Gone(), "north": None}.get)

    assert [(one.name, one.is_well) for one in found] == [("east", False), ("hub", True), ("north", True)]
    assert found[0].unreachable == "https://east does not answer"
    assert found[0].applications[0].is_well


def test_a_hub_has_the_applications_of_those_that_it_pushes_to() -> None:
    facts = load_fleet(SMALL).facts

    assert seats(facts, facts) == (
        Seat("hub", "", "openshift-gitops", ("east", "hub")),
        Seat("west", "", "argocd", ("west",)),
    )
    assert seats(facts, ["east"]) == (Seat("hub", "", "openshift-gitops", ("east",), ("hub",)),)


def test_roots_of_spokes_in_the_hubs_folder_are_the_spokes(tmp_path: Path) -> None:
    hub, east = ("east-root", "portal-root"), ("east-viewer",)
    files = [
        f"{cluster}/argocd/application-{name}.yaml"
        for cluster, names in (("hub", hub), ("east", east))
        for name in names
    ]
    for file in (*files, "hub/root.yaml", "east/root.yaml", "east/argocd/appproject-east-x.yaml"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()

    assert list(expected_applications(tmp_path, "hub", {"hub", "east"})) == ["hub-root", "portal-root"]
    assert list(expected_applications(tmp_path, "east", {"hub", "east"})) == ["east-root", "east-viewer"]
    with pytest.raises(UsageError, match="run: medpattern render"):
        expected_applications(tmp_path, "west", {"west"})
