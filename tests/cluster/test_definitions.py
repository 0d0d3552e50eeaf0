"""What is asked of a live cluster: one list of definitions, whatever may come back instead."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from medpattern.checks.sources import Definitions
from medpattern.cluster.definitions import definitions
from medpattern.errors import RemoteError, UsageError
from tests.checks.definitions import crd
from tests.cluster.api_server import Reply, Respond, kubeconfig, server


def test_items_are_definitions_although_a_list_leaves_their_kind_out() -> None:
    item = {key: value for key, value in crd({"type": "object"}).items() if key not in ("apiVersion", "kind")}
    found = definitions(None, lambda _context: json.dumps({"items": [item]}).encode())
    assert [row.kind for row in Definitions("cluster", found).rows()] == ["Film"]


def test_the_context_is_the_transports() -> None:
    asked: list[str | None] = []

    def transport(context: str | None) -> bytes:
        asked.append(context)
        return b'{"items": []}'

    assert definitions("hub", transport) == []
    assert asked == ["hub"]


@pytest.mark.parametrize("answer", [b"<html>", b"[]", b'{"items": null}'])
def test_another_answer_is_a_remote_error(answer: bytes) -> None:
    with pytest.raises(RemoteError, match="the cluster's answer is no"):
        definitions(None, lambda _context: answer)


# --- the Kubernetes client, against a server of this test


Login = Callable[[str], None]


@pytest.fixture
def login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Login:
    """Makes the given address the only context, `hub`, of the kubeconfig."""
    return lambda address: monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path, address, monkeypatch)))


def always(status: int, answer: Any) -> Respond:
    """Everything is answered alike."""
    return lambda *_: (status, answer, {})


@pytest.mark.parametrize("context", [None, "hub"])
def test_the_client_lists_definitions_once(login: Login, context: str | None) -> None:
    asked: list[str] = []

    def respond(method: str, path: str, *_: Any) -> Reply:
        asked.append(f"{method} {path}")
        return 200, {"items": [crd({"type": "object"})]}, {}

    with server(respond) as address:
        login(address)
        (found,) = definitions(context)

    assert found["metadata"]["name"] == "films.example.org"
    assert asked == ["GET /apis/apiextensions.k8s.io/v1/customresourcedefinitions"]


@pytest.mark.parametrize(("status", "says"), [(403, "needs 'list'"), (401, "401"), (500, "500")])
def test_a_refusal_is_a_remote_error_with_its_reason(login: Login, status: int, says: str) -> None:
    with server(always(status, {})) as address:
        login(address)
        with pytest.raises(RemoteError, match=says):
            definitions(None)


def test_a_silent_cluster_is_a_remote_error(login: Login) -> None:
    with server(always(200, {})) as address:
        login(address)
    with pytest.raises(RemoteError, match="does not answer"):
        definitions(None)


def test_no_such_context_is_wrong_use_and_only_options_that_schemas_have_are_named(login: Login) -> None:
    login("http://127.0.0.1:9")
    with pytest.raises(UsageError, match=r"no cluster to ask: .*elsewhere.* a context by --context") as raised:
        definitions("elsewhere")
    assert "--kubeconfig" not in str(raised.value)
