"""What is asked of a live cluster: one list of definitions, whatever may come back instead."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.checks.definitions import crd

from medpattern.checks.sources import Definitions
from medpattern.cluster.definitions import definitions
from medpattern.errors import RemoteError, UsageError


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


@contextmanager
def server(status: int, body: bytes) -> Iterator[tuple[str, list[str]]]:
    """An API server that answers everything alike; its address, and the paths that it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{running.server_port}", asked
    finally:
        running.shutdown()
        running.server_close()
        thread.join()


@pytest.fixture
def login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Writes a kubeconfig whose only context, `hub`, is the given address."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)

    def write(address: str) -> None:
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "hub",
            "clusters": [{"name": "hub", "cluster": {"server": address}}],
            "users": [{"name": "me", "user": {"token": "t"}}],
            "contexts": [{"name": "hub", "context": {"cluster": "hub", "user": "me"}}],
        }
        path = tmp_path / "config"
        path.write_text(yaml.safe_dump(config), "utf-8")
        monkeypatch.setenv("KUBECONFIG", str(path))

    return write


@pytest.mark.parametrize("context", [None, "hub"])
def test_the_client_lists_definitions_once(login: Any, context: str | None) -> None:
    with server(200, json.dumps({"items": [crd({"type": "object"})]}).encode()) as (address, asked):
        login(address)
        (found,) = definitions(context)
    assert found["metadata"]["name"] == "films.example.org"
    assert asked == ["/apis/apiextensions.k8s.io/v1/customresourcedefinitions"]


@pytest.mark.parametrize(("status", "says"), [(403, "needs 'list'"), (401, "401"), (500, "500")])
def test_a_refusal_is_a_remote_error_with_its_reason(login: Any, status: int, says: str) -> None:
    with server(status, b"{}") as (address, _):
        login(address)
        with pytest.raises(RemoteError, match=says):
            definitions(None)


def test_a_silent_cluster_is_a_remote_error(login: Any) -> None:
    with server(200, b"{}") as (address, _):
        login(address)
    with pytest.raises(RemoteError, match="does not answer"):
        definitions(None)


def test_no_such_context_is_wrong_use_and_only_options_that_schemas_have_are_named(login: Any) -> None:
    login("http://127.0.0.1:9")
    with pytest.raises(UsageError, match=r"no cluster to ask: .*elsewhere.* a context by --context") as raised:
        definitions("elsewhere")
    assert "--kubeconfig" not in str(raised.value)
