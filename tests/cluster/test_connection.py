"""What goes to an API server and what is made of its answers, with a server of the test's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from medpattern.cluster.connection import Connection
from medpattern.cluster.resources import UnknownKindError
from medpattern.errors import RefusalError, RemoteError, UsageError
from tests.cluster.api_server import Reply, kubeconfig, server

Connect = Callable[[str], Connection]


@pytest.fixture
def connect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Connect:
    return lambda address: Connection.open(kubeconfig(tmp_path, address, monkeypatch))


def status(code: int, reason: str, message: str) -> Reply:
    """A refusal as Kubernetes writes it."""
    return code, {"kind": "Status", "reason": reason, "message": message, "code": code}, {}


def test_a_list_is_read_page_by_page_and_its_items_get_their_kind(connect: Connect) -> None:
    asked: list[tuple[str, dict[str, str]]] = []

    def respond(method: str, path: str, query: dict[str, str], body: Any) -> Reply:
        asked.append((path, query))
        more = {"": "2", "2": "3", "3": ""}[query.get("continue", "")]
        name = query.get("continue", "1")
        return 200, {"metadata": {"continue": more}, "items": [{"metadata": {"name": name}}]}, {}

    with server(respond) as address:
        connection = connect(address)
        found = connection.list("v1", "ConfigMap", "ward", labels="a=b")

    assert [(one["kind"], one["metadata"]["name"]) for one in found] == [("ConfigMap", name) for name in "123"]
    assert connection.requests == 3
    assert {path for path, _ in asked} == {"/api/v1/namespaces/ward/configmaps"}
    assert all(query["labelSelector"] == "a=b" and int(query["limit"]) >= 100 for _, query in asked)


def test_a_list_whose_next_page_is_gone_begins_again_in_one_piece(connect: Connect) -> None:
    def respond(method: str, path: str, query: dict[str, str], body: Any) -> Reply:
        if "continue" in query:
            return status(410, "Expired", "the continue parameter is too old")
        names = ["a"] if "limit" in query else ["a", "b"]
        return 200, {"metadata": {"continue": "x"[: "limit" in query]},
                     "items": [{"metadata": {"name": name}} for name in names]}, {}  # fmt: skip

    with server(respond) as address:
        found = connect(address).list("v1", "Secret")

    assert [one["metadata"]["name"] for one in found] == ["a", "b"]


@pytest.mark.parametrize("is_aggregated", [True, False])
def test_kinds_are_learnt_from_new_servers_by_two_requests_and_from_old_ones_too(
    connect: Connect, is_aggregated: bool
) -> None:
    def group(name: str, version: str, plural: str, kind: str, scope: str) -> dict[str, Any]:
        row = {"resource": plural, "responseKind": {"kind": kind}, "scope": scope, "verbs": ["list"]}
        return {"metadata": {"name": name}, "versions": [{"version": version, "resources": [row]}]}

    new = {
        "/api": {"kind": "APIGroupDiscoveryList", "items": [group("", "v1", "pods", "Pod", "Namespaced")]},
        "/apis": {"kind": "APIGroupDiscoveryList", "items": [group("x.org", "v1", "wards", "Ward", "Cluster")]},
    }
    ward = {"name": "wards", "kind": "Ward", "namespaced": False}
    old: dict[str, Any] = {
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/api/v1": {"resources": [{"name": "pods", "kind": "Pod", "namespaced": True}]},
        "/apis": {"kind": "APIGroupList", "groups": [{"versions": [{"groupVersion": "x.org/v1"}]}]},
        "/apis/x.org/v1": {"resources": [ward, {**ward, "name": "wards/status"}]},
    }
    answers = new if is_aggregated else old

    with server(lambda method, path, query, body: (200, answers[path], {})) as address:
        connection = connect(address)
        paths = [connection.resource(*kind).path("ward") for kind in (("v1", "Pod"), ("x.org/v1", "Ward"))]
        with pytest.raises(UnknownKindError, match="does not know Ghost of v1"):
            connection.resource("v1", "Ghost")

    assert paths == ["/api/v1/namespaces/ward/pods", "/apis/x.org/v1/wards"]
    assert connection.requests == len(answers)


def test_what_is_not_there_is_none_and_a_kind_that_is_not_there_says_so(connect: Connect) -> None:
    with server(lambda *_: status(404, "NotFound", "not found")) as address:
        connection = connect(address)
        assert connection.get("v1", "Secret", "a", "ward") is None
        assert connection.delete("v1", "Secret", "a", "ward") is False
        with pytest.raises(UnknownKindError, match=r"does not know Application of argoproj\.io/v1alpha1"):
            connection.list("argoproj.io/v1alpha1", "Application")


def test_apply_owns_its_fields_and_a_dry_run_stores_nothing(connect: Connect) -> None:
    asked: list[dict[str, str]] = []

    def respond(method: str, path: str, query: dict[str, str], body: Any) -> Reply:
        asked.append({"method": method, "path": path, **query})
        return 200, body, {}

    thing = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "ward"}}
    with server(respond) as address:
        connection = connect(address)
        connection.apply(thing)
        connection.apply(thing, dry_run=True, force=True, field_manager="other")

    here = {"method": "PATCH", "path": "/api/v1/namespaces/ward/configmaps/a"}
    assert asked == [
        {**here, "fieldManager": "medpattern", "fieldValidation": "Strict"},
        {**here, "fieldManager": "other", "fieldValidation": "Ignore", "force": "true", "dryRun": "All"},
    ]


def test_a_refusal_has_status_and_reason_and_quotes_nothing_of_a_secret(connect: Connect) -> None:
    def thing(kind: str) -> dict[str, Any]:
        return {"apiVersion": "v1", "kind": kind, "metadata": {"name": "a", "namespace": "b"}, "data": {"k": "planted"}}

    with server(lambda *_: status(422, "Invalid", 'data[k]: Invalid value: "planted"')) as address:
        connection = connect(address)
        with pytest.raises(RefusalError, match="planted") as plain:
            connection.apply(thing("ConfigMap"))
        with pytest.raises(RefusalError) as secret:
            connection.apply(thing("Secret"))

    assert (plain.value.status, plain.value.reason) == (422, "Invalid")
    assert "422 Invalid" in str(secret.value)
    assert "planted" not in str(secret.value)


def test_a_server_that_is_too_busy_is_asked_again(connect: Connect) -> None:
    answers = [(429, b"", {"Retry-After": "0"}), (200, {"metadata": {}, "items": []}, {})]
    with server(lambda *_: answers.pop(0)) as address:
        assert connect(address).list("v1", "Secret") == []


@pytest.mark.parametrize(
    ("answer", "says"), [(b"<html>", "no JSON"), ({"items": None}, "no list of Secret"), ([], "no list")]
)
def test_another_answer_is_a_remote_error(connect: Connect, answer: Any, says: str) -> None:
    with server(lambda *_: (200, answer, {})) as address, pytest.raises(RemoteError, match=says):
        connect(address).list("v1", "Secret")


def test_a_review_tells_whether_the_login_may(connect: Connect) -> None:
    asked: list[Any] = []

    def respond(method: str, path: str, query: dict[str, str], body: Any) -> Reply:
        asked.append(body["spec"]["resourceAttributes"])
        return 201, {"status": {"allowed": len(asked) == 1, "reason": "RBAC"}}, {}

    with server(respond) as address:
        connection = connect(address)
        answers = [connection.review_access("patch", "apps", "deployments/status", "ward"),
                   connection.review_access("list", "", "nodes")]  # fmt: skip

    assert [one.allowed for one in answers] == [True, False]
    assert asked == [
        {"verb": "patch", "group": "apps", "resource": "deployments", "subresource": "status", "namespace": "ward"},
        {"verb": "list", "resource": "nodes"},
    ]


def test_the_clock_is_the_servers(connect: Connect) -> None:
    with server(lambda *_: (200, {}, {"Date": "Sun, 22 Nov 2026 00:00:00 GMT"})) as address:
        connection = connect(address)
        assert connection.server_time is None
        connection.ask("GET", "/version")

    assert connection.server_time is not None
    assert connection.server_time.year >= 2026


def test_a_silent_server_and_a_missing_context_say_what_to_do(connect: Connect, tmp_path: Path) -> None:
    with server(lambda *_: (200, {}, {})) as address:
        connection = connect(address)
    with pytest.raises(RemoteError, match="does not answer"):
        connection.ask("GET", "/version")
    with pytest.raises(UsageError, match=r"no cluster to ask: .*elsewhere.*--context"):
        Connection.open(tmp_path / "config", "elsewhere")
