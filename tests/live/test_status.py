"""`medpattern status` against a real API server that holds the Applications of a small fleet."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli.terminal import on_a_terminal
from tests.fleet.small import CHECKOUT, Result, copy_small, medpattern, render
from tests.live.played import REVISION, ArgoCd, contexts, managed, manifests, stamp
from tests.live.servers.cluster import Cluster
from tests.real.servers.processes import until

DEADLINE = 120


@dataclass
class Fleet:
    """The small fleet: the hub's Argo CD has those of hub and east, west has its own on the same server."""

    root: Path
    kubeconfig: Path
    hub: ArgoCd
    west: ArgoCd

    def status(self, *words: str | Path) -> Result:
        """The command as a user types it."""
        return medpattern("status", "--kubeconfig", self.kubeconfig, *words, root=self.root)

    def json(self, *words: str | Path) -> dict[str, Any]:
        """What it says, by cluster."""
        return {one["cluster"]: one for one in json.loads(self.status(*words, "--output", "json").out)}

    def application(self, cluster: str, name: str) -> dict[str, Any]:
        """What it says of one Application."""
        (found,) = (one for one in self.json("--cluster", cluster)[cluster]["applications"] if one["name"] == name)
        return dict(found)


@pytest.fixture
def fleet(kubernetes: Cluster, tmp_path: Path) -> Iterator[Fleet]:
    """All Applications of the rendered tree, Synced and Healthy."""
    root = copy_small(tmp_path)
    render(root)
    hub, west = ArgoCd(kubernetes.api, "openshift-gitops"), ArgoCd(kubernetes.api, "argocd")
    for argocd in (hub, west):
        argocd.forget_all()
    for cluster, argocd in (("hub", hub), ("east", hub), ("west", west)):
        for manifest in manifests(root / "rendered" / cluster):
            if cluster != "hub" or manifest["metadata"]["name"] != "east-root":  # it stands with east's
                argocd.take(manifest)
    yield Fleet(root, contexts(kubernetes, tmp_path, "hub", "west"), hub, west)
    for argocd in (hub, west):
        argocd.forget_all()


def test_a_fleet_that_is_well_is_one_line_a_cluster(fleet: Fleet) -> None:
    result = fleet.status()

    assert result.code == 0, result.out + result.err
    rows = [line.split() for line in result.out.splitlines()]
    assert [(row[0], row[1], row[2], row[3], row[-1]) for row in rows] == [
        ("east", "6", "6", "6", "well"),
        ("hub", "2", "2", "2", "well"),
        ("west", "5", "5", "5", "well"),
    ]
    assert all(REVISION[:7] in row for row in rows)
    assert "all 3 clusters are well" in result.err


def test_details_name_revision_wave_and_age_of_each_application(fleet: Fleet) -> None:
    result = fleet.status("--cluster", "west")

    rows = {line.split()[1]: line.split() for line in result.out.splitlines()}
    assert next(iter(rows)) == "west-root"
    assert rows["broker"][2:8] == ["0", "Synced", "Healthy", "0", REVISION[:7], "4"]
    assert rows["viewer"][2] == "1"


def test_one_list_a_page_is_asked_of_each_argo_cd(fleet: Fleet, kubernetes: Cluster) -> None:
    from medpattern.cluster.connection import Connection
    from medpattern.cluster.seats import Seat
    from medpattern.cluster.status.asking import fleet_status

    connection = Connection.open(fleet.kubeconfig, "hub")
    seat = Seat("hub", "", "openshift-gitops", ("east", "hub"))
    found = fleet_status([seat], {"east": {}, "hub": {}}, lambda _: connection)

    assert connection.requests == 1
    assert sum(len(one.applications) for one in found) == 8


def test_a_degraded_application_is_named_with_its_reason(fleet: Fleet) -> None:
    fleet.west.say("legend", health={"status": "Degraded", "message": "Deployment exceeded its progress deadline"})

    result = fleet.status()

    assert result.code == 1
    (row,) = (line for line in result.out.splitlines() if line.startswith("west"))
    assert "legend Degraded (Deployment exceeded its progress deadline)" in row
    assert "2 of 3 clusters are well; not: west" in result.err


def test_drift_is_counted_and_each_object_named(fleet: Fleet) -> None:
    objects = [managed("ConfigMap", "legend", namespace="xray"), managed("Service", "legend", "Synced"),
               managed("Secret", "old", namespace="xray", requiresPruning=True)]  # fmt: skip
    fleet.west.say("legend", sync={"status": "OutOfSync"}, resources=objects)

    result = fleet.status("--cluster", "west")

    assert result.code == 1
    assert "west/legend: ConfigMap/legend in xray is not as git has it" in result.err
    assert "west/legend: Secret/old in xray is not in git any more" in result.err
    assert fleet.application("west", "legend")["drift"] == ["ConfigMap/legend in xray", "Secret/old in xray"]


def test_the_application_whose_wave_holds_back_the_others_is_named(fleet: Fleet) -> None:
    fleet.west.say("broker", health={"status": "Degraded"},
                   conditions=[{"type": "SyncError", "message": "webhook refused"}])  # fmt: skip
    fleet.west.forget("viewer")
    waiting = {"phase": "Running", "message": "waiting for healthy state of argoproj.io/Application/broker"}
    objects = [managed("Application", "viewer", group="argoproj.io")]
    fleet.west.say("west-root", sync={"status": "OutOfSync"}, resources=objects, operationState=waiting)

    result = fleet.status()
    viewer = fleet.application("west", "viewer")

    assert result.code == 1
    (row,) = (line for line in result.out.splitlines() if line.startswith("west"))
    assert "wave 1 waits for broker Degraded (SyncError: webhook refused)" in row
    assert (viewer["presence"], viewer["wave"], viewer["heldBackBy"]) == ("missing", 1, ["broker"])
    assert viewer["message"] == "waits for broker"
    assert fleet.json()["west"]["pendingWaves"] == [1]


def test_a_foreign_application_is_shown_and_not_judged_and_a_left_over_one_is(fleet: Fleet) -> None:
    (sample,) = (one for one in manifests(fleet.root / "rendered" / "west") if one["metadata"]["name"] == "legend")
    others = {**sample["metadata"], "name": "theirs", "labels": {}}
    fleet.west.take({**sample, "metadata": others}, health={"status": "Degraded"})

    assert fleet.application("west", "theirs")["presence"] == "foreign"
    assert fleet.status("--cluster", "west").code == 0

    fleet.west.take({**sample, "metadata": {**sample["metadata"], "name": "gone"}})
    assert fleet.application("west", "gone")["presence"] == "left over"
    assert fleet.status("--cluster", "west").code == 1


def test_what_was_compared_before_the_last_change_counts_for_nothing(fleet: Fleet) -> None:
    fleet.west.say("legend", sync={"comparedTo": {"source": {"targetRevision": "older"}}})

    legend = fleet.application("west", "legend")

    assert (legend["sync"], legend["health"], legend["well"]) == ("Synced", "Healthy", False)
    assert "has not yet compared the source" in legend["message"]


def test_a_sync_that_goes_on_or_failed_is_not_well_although_all_is_synced(fleet: Fleet) -> None:
    fleet.west.say("legend", operationState={"phase": "Failed", "message": "one or more hooks failed"})
    assert fleet.application("west", "legend")["message"] == "one or more hooks failed"

    fleet.west.say(
        "legend", operationState={"phase": "Running", "message": "waiting for completion of hook batch/Job/load"}
    )
    assert fleet.status("--cluster", "west").code == 1


def test_an_argo_cd_that_has_not_looked_for_long_is_told_of(fleet: Fleet) -> None:
    for manifest in manifests(fleet.root / "rendered" / "west"):
        fleet.west.say(manifest["metadata"]["name"], reconciledAt=stamp(timedelta(hours=3)))

    assert "west: Argo CD on 'west' has not looked for 3 h" in fleet.status("--cluster", "west").err


def test_an_argo_cd_that_does_not_answer_hides_no_other(fleet: Fleet, kubernetes: Cluster, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    fleet.kubeconfig = contexts(kubernetes, tmp_path / "other", "hub", west="https://127.0.0.1:9")

    result = fleet.status()

    assert result.code == 3
    rows = {line.split()[0]: line for line in result.out.splitlines()}
    assert "https://127.0.0.1:9 does not answer" in rows["west"]
    assert rows["hub"].endswith("well")


def test_an_argo_cd_without_applications_lacks_them_all(fleet: Fleet) -> None:
    fleet.west.forget_all()

    found = fleet.json("--cluster", "west")["west"]

    assert {one["presence"] for one in found["applications"]} == {"missing"}
    assert fleet.status("--cluster", "west").code == 1


def test_a_login_without_rights_is_told_so(fleet: Fleet, kubernetes: Cluster) -> None:
    result = medpattern("status", "--cluster", "west", "--kubeconfig", kubernetes.kubeconfig("nobody"), root=fleet.root)

    assert result.code == 3
    assert "403" in result.out
    assert 'cannot list resource "applications"' in result.out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--context", "hub"), "--context is for one cluster, and 2 would be asked"),
        (("--cluster", "west", "--context", "elsewhere"), "elsewhere"),
        (("--cluster", "nowhere"), "no cluster 'nowhere'"),
        (("--tree", "elsewhere"), "run: medpattern render"),
    ],
)
def test_wrong_use_is_told_with_its_cure(fleet: Fleet, words: tuple[str, ...], says: str) -> None:
    result = fleet.status(*words)

    assert result.code == 2
    assert says in result.err


def test_on_a_terminal_it_is_a_table(fleet: Fleet) -> None:
    text = on_a_terminal(fleet.root, "status", "--kubeconfig", str(fleet.kubeconfig), NO_COLOR="1", COLUMNS="160")

    assert [word in text for word in ("CLUSTER", "LAST SYNC", "hub", "all 3 clusters are well")] == [True] * 4


def test_watching_prints_each_line_that_changes_until_it_is_interrupted(fleet: Fleet) -> None:
    words = ("status", "--cluster", "west", "--watch", "--interval", "0.2", "--kubeconfig", str(fleet.kubeconfig))
    watching = subprocess.Popen(
        [sys.executable, "-m", "medpattern", *words],
        cwd=fleet.root,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT / "src")},
        stdout=subprocess.PIPE,
        text=True,
    )
    said: list[str] = []
    reader = threading.Thread(target=lambda: said.extend(watching.stdout or ()), daemon=True)
    reader.start()
    try:
        until(lambda: len(said) == 5, "a line for each Application", seconds=DEADLINE)
        fleet.west.say("legend", health={"status": "Degraded"})
        until(lambda: len(said) == 6, "a line for the one that changed", seconds=DEADLINE)
        watching.send_signal(signal.SIGINT)
        code = watching.wait(DEADLINE)
        reader.join(DEADLINE)
    finally:
        watching.kill()
        watching.wait()

    assert code == 0
    assert [line.split()[2:6] for line in said[5:]] == [["legend", "0", "Synced", "Degraded"]]
