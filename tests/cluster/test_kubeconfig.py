"""Which context leads to a cluster, and what of a kubeconfig a connection gets."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from medpattern.cluster.kubeconfig import Contexts, context_of, read_contexts, read_kubeconfig
from medpattern.errors import UsageError

EAST = "https://api.east.example.org:6443"


def config(path: Path, current: str = "", user: Any = None, **servers: str) -> Path:
    """A kubeconfig with a context, a cluster and a user of one name for each server."""
    data = {
        "current-context": current,
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}} for name in servers],
        "clusters": [{"name": name, "cluster": {"server": url}} for name, url in servers.items()],
        "users": [{"name": name, "user": user or {"token": "t"}} for name in servers],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(data), "utf-8")
    return path


@pytest.mark.parametrize(
    ("servers", "current", "expected"),
    [
        ({"a": EAST, "east": "https://tunnel:1"}, "", "a"),  # by the server's URL, whatever it is called
        ({"a": EAST.upper() + "/", "east": "https://tunnel:1"}, "", "a"),
        ({"a": EAST, "b": EAST}, "b", "b"),  # of several that lead there the current one
        ({"east": "https://tunnel:1", "b": "https://other"}, "b", "east"),  # by name: perhaps through a tunnel
    ],
)
def test_a_context_is_found_by_server_and_then_by_name(servers: dict[str, str], current: str, expected: str) -> None:
    assert context_of("east", EAST, Contexts(servers, current), alone=False) == expected


def test_the_current_context_is_meant_for_one_cluster_of_unknown_server_alone() -> None:
    contexts = Contexts({"kind": "https://127.0.0.1:1"}, "kind")

    assert context_of("west", "", contexts, alone=True) == "kind"
    assert context_of("west", "", Contexts(), alone=True) is None  # in a pod
    with pytest.raises(UsageError, match=r"no context .* leads to 'west'.* clusters/west\.yaml names no server"):
        context_of("west", "", contexts, alone=False)
    with pytest.raises(UsageError, match=f"none has the server {EAST}; name one by --context"):
        context_of("east", EAST, contexts, alone=True)


def test_of_several_files_the_first_that_says_a_thing_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = config(tmp_path / "first", "east", east=EAST)
    second = config(tmp_path / "second", "west", east="https://other", west="https://west")
    missing = tmp_path / "missing"
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join(map(str, (missing, first, second))))

    assert read_contexts() == Contexts({"east": EAST, "west": "https://west"}, "east")


def test_a_connection_gets_one_context_with_paths_from_the_files_folder(tmp_path: Path) -> None:
    user = {"client-key": "keys/own.key", "exec": {"command": "bin/login", "apiVersion": "v1"}}
    path = config(tmp_path / "deep" / "config", user=user, east=EAST, west="https://west")

    alone = read_kubeconfig(path).alone("east")

    assert alone is not None
    assert [row["name"] for row in alone["contexts"]] == ["east"]
    (found,) = alone["users"]
    assert found["user"]["client-key"] == str(tmp_path / "deep" / "keys" / "own.key")
    assert found["user"]["exec"]["command"] == str(tmp_path / "deep" / "bin" / "login")


def test_a_login_that_writes_into_the_file_is_left_to_the_library(tmp_path: Path) -> None:
    path = config(tmp_path / "config", user={"auth-provider": {"name": "oidc"}}, east=EAST)

    assert read_kubeconfig(path).alone("east") is None
    assert read_kubeconfig(path).alone("nowhere") is None


def test_a_file_that_has_changed_is_read_again(tmp_path: Path) -> None:
    path = config(tmp_path / "config", east=EAST)
    assert list(read_contexts(path).servers) == ["east"]
    config(path, west="https://west")
    os.utime(path, ns=(1, 1))

    assert list(read_contexts(path).servers) == ["west"]


@pytest.mark.parametrize(
    "text", ["- a", "contexts: [a]", "contexts: [{context: {}}]", "users: [{name: a, user: b}]", "a: ["]
)
def test_another_file_is_no_kubeconfig(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config"
    path.write_text(text, "utf-8")

    with pytest.raises(UsageError, match="no kubeconfig that can be read"):
        read_contexts(path)


def test_a_file_that_is_not_there_is_told_of(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such kubeconfig"):
        read_contexts(tmp_path / "config")
