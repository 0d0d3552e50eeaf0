"""Waiting for Argo CD: what counts as reached, what is told when it is not, and a server that goes away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from medpattern.cluster.bootstrap import waiting
from medpattern.cluster.bootstrap.until import Until
from medpattern.cluster.bootstrap.waiting import Wish
from medpattern.cluster.connection import Object, Objects
from medpattern.cluster.seats import Seat
from medpattern.cluster.status.expected import ExpectedApplication
from medpattern.errors import RefusalError, RemoteError
from tests.cluster.standin import StandIn, thing

COMMIT = "c" * 40
LABELS = {"medpattern.io/cluster": "west"}


def application(name: str, sync: str = "Synced", health: str = "Healthy", wave: int = 0, **more: Any) -> Object:
    source = {"repoURL": "https://git.example.org/a.git", "path": name}
    compared = {"source": source, "destination": {}}
    status = {
        "sync": {"status": sync, "revision": COMMIT, "comparedTo": compared},
        "health": {"status": health},
        **more,
    }
    metadata = {"labels": LABELS, "annotations": {"argocd.argoproj.io/sync-wave": str(wave)}}
    spec = {"source": source, "destination": {}}
    return thing("Application", name, "argocd", metadata=metadata, spec=spec, status=status)


class Rounds(StandIn):
    """A server whose Applications are others in each round; an error is raised, and the last round stays."""

    def __init__(self, *rounds: list[Object] | RemoteError, refusal: int = 0) -> None:
        super().__init__()
        self.refusal = refusal
        self.rounds = list(rounds)
        self.asked: list[tuple[str, str]] = []

    def list(self, api_version: str, kind: str, namespace: str | None = None, labels: str = "") -> Objects:
        if kind != "Application":
            return []
        found = self.rounds.pop(0) if len(self.rounds) > 1 else self.rounds[0]
        if isinstance(found, RemoteError):
            raise found
        return found

    def ask(self, method: str, path: str, *_more: Any, **_others: Any) -> Any:
        self.asked.append((method, path))
        if self.refusal:
            raise RefusalError(f"refused {method} {path}: {self.refusal}", self.refusal, "")


def wish(tmp_path: Path, until: Until = Until.HEALTHY, seconds: float = 60) -> Wish:
    root = ExpectedApplication("west-root", tmp_path / "root.yaml", is_root=True)
    file = tmp_path / "application-broker.yaml"
    file.write_text("metadata: {annotations: {argocd.argoproj.io/sync-wave: '0'}}\n")
    expected = {"west-root": root, "broker": ExpectedApplication("broker", file)}
    return Wish(Seat("west", "", "argocd", ("west",)), expected, COMMIT, until, seconds)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "EVERY_SECONDS", 0.0)


ROOT = application("west-root")


def test_it_ends_when_all_are_synced_and_healthy(tmp_path: Path) -> None:
    seen = []
    server = Rounds([], [ROOT], [ROOT, application("broker", health="Progressing")], [ROOT, application("broker")])

    ended = waiting.wait(server, wish(tmp_path), seen.append)

    assert ended.is_done
    assert len(seen) == 4


def test_synced_may_be_enough(tmp_path: Path) -> None:
    server = Rounds([ROOT, application("broker", health="Progressing")])

    assert waiting.wait(server, wish(tmp_path, Until.SYNCED), lambda _: None).is_done
    assert not waiting.wait(server, wish(tmp_path, Until.HEALTHY, seconds=0), lambda _: None).is_done


def test_an_earlier_commit_is_not_what_is_waited_for(tmp_path: Path) -> None:
    old = application("west-root")
    old["status"]["sync"]["revision"] = "a" * 40
    server = Rounds([old, application("broker")], [ROOT, application("broker")])

    assert waiting.wait(server, wish(tmp_path), lambda _: None).is_done
    path = "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications/west-root"
    assert server.asked == [("PATCH", path)], "Argo CD is asked to look now"


@pytest.mark.parametrize("status", [404, 409])
def test_a_root_that_goes_or_changes_before_it_is_asked_to_look_is_waited_for(tmp_path: Path, status: int) -> None:
    old = application("west-root")
    old["status"]["sync"]["revision"] = "a" * 40
    server = Rounds([old, application("broker")], [ROOT, application("broker")], refusal=status)

    assert waiting.wait(server, wish(tmp_path), lambda _: None).is_done
    assert server.asked


def test_a_login_that_may_not_ask_argo_cd_to_look_is_told_so(tmp_path: Path) -> None:
    old = application("west-root")
    old["status"]["sync"]["revision"] = "a" * 40

    with pytest.raises(RefusalError):
        waiting.wait(Rounds([old], [ROOT, application("broker")], refusal=403), wish(tmp_path), lambda _: None)


@pytest.mark.parametrize("first", [COMMIT, "a" * 40])
def test_what_is_pushed_meanwhile_is_as_good(tmp_path: Path, first: str) -> None:
    """Somebody mends what holds it up: the commit that was there at the beginning is no longer the last one."""
    begun, mended = application("west-root"), application("west-root")
    begun["status"]["sync"]["revision"] = first
    mended["status"]["sync"]["revision"] = "f" * 40
    server = Rounds([begun, application("broker", health="Degraded")], [mended, application("broker")])

    assert waiting.wait(server, wish(tmp_path), lambda _: None).is_done


def test_a_server_that_is_away_for_a_while_is_waited_for(tmp_path: Path) -> None:
    server = Rounds(RemoteError("gone"), RefusalError("starting", 503, ""), [ROOT, application("broker")])

    assert waiting.wait(server, wish(tmp_path), lambda _: None).is_done


def test_one_that_refuses_or_stays_away_ends_it(tmp_path: Path) -> None:
    with pytest.raises(RefusalError):
        waiting.wait(Rounds(RefusalError("403", 403, "Forbidden")), wish(tmp_path), lambda _: None)
    with pytest.raises(RemoteError, match="when the time was over"):
        waiting.wait(Rounds(RemoteError("gone")), wish(tmp_path, seconds=0), lambda _: None)


def test_what_holds_it_up_is_told_and_not_who_waits_for_that(tmp_path: Path) -> None:
    operation = {"phase": "Running", "message": "waiting for healthy state of argoproj.io/Application/broker"}
    root = application("west-root", sync="OutOfSync", operationState=operation)
    row = {"kind": "KafkaTopic", "name": "images", "namespace": "broker", "status": "Synced",
           "health": {"status": "Progressing", "message": "Waiting for Kafka Topic"}}  # fmt: skip
    broker = application("broker", health="Progressing", resources=[row])

    ended = waiting.wait(Rounds([root, broker]), wish(tmp_path, seconds=0), lambda _: None)

    assert [name for name, _ in ended.causes] == ["broker"]
    assert "Waiting for Kafka Topic" in ended.causes[0][1].message
    assert "operator has not acted" in ended.causes[0][1].cure


@pytest.mark.parametrize("looks", [True, False])
def test_an_argo_cd_that_does_not_look_when_it_is_asked_is_told_of_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, looks: bool
) -> None:
    class Asked(Rounds):
        def get(self, *_words: Any, **_more: Any) -> Object | None:
            note = {} if looks or not self.asked else {waiting.REFRESH: "normal"}
            return thing("Application", "west-root", "argocd", metadata={"annotations": note})

    monkeypatch.setattr(waiting, "ANSWER_SECONDS", 0.0)

    ended = waiting.wait(Asked([ROOT, application("broker", health="Progressing")]), wish(tmp_path, seconds=0),
                         lambda _: None)  # fmt: skip

    assert [name for name, _ in ended.causes] == (["broker"] if looks else ["west-root", "broker"])
    assert ("to look at it and has not" in ended.causes[0][1].message) is not looks
