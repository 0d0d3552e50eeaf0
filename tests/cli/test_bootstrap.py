"""`medpattern bootstrap` without a cluster: wrong use, and a server that is not there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from medpattern.cli.bootstrap import seconds
from medpattern.errors import UsageError
from tests.fleet.small import copy_small, medpattern
from tests.real.servers.ports import free_port


@pytest.mark.parametrize(("text", "span"), [("90", 90), ("90s", 90), ("30m", 1800), ("1.5h", 5400)])
def test_a_span_of_time_has_a_unit(text: str, span: float) -> None:
    assert seconds(text) == span


@pytest.mark.parametrize("text", ["", "m", "-1", "5 minutes", "1d"])
def test_what_is_no_span_of_time_is_wrong_use(text: str) -> None:
    with pytest.raises(UsageError, match="as 90s or 30m"):
        seconds(text)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--cluster", "east"], "that of 'hub' applies it; run: medpattern bootstrap --cluster hub"),
        (["--cluster", "wset"], "no cluster 'wset'"),
        (["--cluster", "west", "--timeout", "soon"], "--timeout soon"),
        (["--cluster", "west", "--dry-run", "--yes"], "nothing that --yes agrees to"),
        (["--cluster", "west", "--accept", "identity"], "would change the wrong cluster"),
        (["--cluster", "west", "--accept", "storge"], "did you mean 'storage'"),
        (["--cluster", "west", "--kubeconfig", "nowhere.yaml"], "no such kubeconfig"),
        (["--cluster", "west", "--until", "monday"], "monday"),
    ],
)
def test_wrong_use_is_told_before_a_cluster_is_asked(words: list[str], told: str, tmp_path: Path) -> None:
    result = medpattern("bootstrap", *words, root=copy_small(tmp_path))

    assert result.code == 2
    assert told in result.err


def test_a_server_that_is_not_there_is_told_among_all_else(tmp_path: Path) -> None:
    root = copy_small(tmp_path)
    address = f"https://127.0.0.1:{free_port()}"
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "west",
                "contexts": [{"name": "west", "context": {"cluster": "west", "user": "a"}}],
                "clusters": [{"name": "west", "cluster": {"server": address}}],
                "users": [{"name": "a", "user": {}}],
            }
        )
    )

    result = medpattern("bootstrap", "--cluster", "west", "--kubeconfig", kubeconfig, "--yes", root=root)

    assert result.code == 1
    told = {line.split()[1].rstrip(":") for line in result.err.splitlines() if line.startswith("problem")}
    assert {"tree", "server", "repository"} <= told, "the tree was never rendered, and git.example.org is nowhere"
    assert f"{address} does not answer" in result.err
    assert "nothing was changed" in result.err
