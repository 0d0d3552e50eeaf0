"""Helm repositories over HTTP, and git. OCI registries: tests/real/test_lock.py."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from hashlib import sha256
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from medpattern.errors import RemoteError
from medpattern.lock.remotes import Remotes, is_oci
from tests.fleet.small import commit, git

ARCHIVE = b"an archive"
LISTED = "cd" * 32
INDEX = f"""\
apiVersion: v1
entries:
  reports:
    - {{name: reports, version: 1.2.3, digest: {LISTED}, urls: [reports-1.2.3.tgz]}}
    - {{name: reports, version: 1.2.4, urls: [charts/reports-1.2.4.tgz]}}
"""


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[str]:
    """The URL of a Helm repository: an index and an archive."""
    (tmp_path / "index.yaml").write_text(INDEX, "utf-8")
    (tmp_path / "charts").mkdir()
    (tmp_path / "charts/reports-1.2.4.tgz").write_bytes(ARCHIVE)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_a_helm_repository_tells_versions_and_digests(repository: str) -> None:
    remotes = Remotes()
    assert remotes.chart_versions(repository, "reports") == {"1.2.3": f"sha256:{LISTED}", "1.2.4": ""}
    assert remotes.chart_digest(repository, "reports", "1.2.3") == f"sha256:{LISTED}"


def test_a_digest_that_is_not_listed_is_taken_of_the_archive(repository: str) -> None:
    found = Remotes().chart_digest(f"{repository}/", "reports", "1.2.4")
    assert found == f"sha256:{sha256(ARCHIVE).hexdigest()}"


@pytest.mark.parametrize(
    ("name", "version", "words"),
    [("report", "1.2.3", "has no chart report"), ("reports", "9.9.9", "has no version 9.9.9 of reports")],
)
def test_what_a_repository_does_not_have_is_said(repository: str, name: str, version: str, words: str) -> None:
    with pytest.raises(RemoteError, match=words):
        Remotes().chart_digest(repository, name, version)


def test_a_repository_without_index_is_said(repository: str) -> None:
    with pytest.raises(RemoteError, match=r"/none/index.yaml: the server says 404 \(not found\)"):
        Remotes().chart_versions(f"{repository}/none", "reports")


@pytest.mark.parametrize("text", ["[", "just text"], ids=["no YAML", "no index"])
def test_an_index_that_is_none_is_said(repository: str, tmp_path: Path, text: str) -> None:
    (tmp_path / "index.yaml").write_text(text, "utf-8")
    with pytest.raises(RemoteError, match=r"its index\.yaml is n"):
        Remotes().chart_versions(repository, "reports")


def test_nobody_there_is_said_with_the_address() -> None:
    with pytest.raises(RemoteError, match=r"http://127\.0\.0\.1:1/index\.yaml: no answer"):
        Remotes().chart_versions("http://127.0.0.1:1", "reports")


def test_git_tells_branches_from_tags(tmp_path: Path) -> None:
    origin = tmp_path / "origin"
    origin.mkdir()
    (origin / "file").write_text("1", "utf-8")
    first = commit(origin)
    git(origin, "tag", "plain")
    git(origin, "tag", "-a", "-m", "a note", "noted")
    (origin / "file").write_text("2", "utf-8")
    second = commit(origin)
    remotes = Remotes()
    assert remotes.git_commit(str(origin), "plain") == (first, False)
    # The tag is an object of its own; what Argo CD checks out is the commit behind it.
    assert remotes.git_commit(str(origin), "noted") == (first, False)
    assert remotes.git_commit(str(origin), "main") == (second, True)
    with pytest.raises(RemoteError, match="has no branch or tag gone"):
        remotes.git_commit(str(origin), "gone")


def test_a_git_server_that_is_away_is_said(tmp_path: Path) -> None:
    with pytest.raises(RemoteError, match=str(tmp_path / "nothing")):
        Remotes().git_commit(str(tmp_path / "nothing"), "main")


@pytest.mark.parametrize(
    ("repository", "oci"),
    [("oci://registry.example.org/charts", True), ("registry.example.org/charts", True), ("https://charts", False)],
)
def test_an_oci_registry_is_known_by_its_form(repository: str, oci: bool) -> None:
    assert is_oci(repository) is oci
