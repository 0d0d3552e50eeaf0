"""`medpattern lock` on the small repository, with a Helm repository and a git server of the test."""

from __future__ import annotations

import shutil
from hashlib import sha256
from pathlib import Path

import pytest

from tests.fleet.small import Result, commit, copy_small, edit, medpattern, render
from tests.lock.test_remotes import repository  # noqa: F401  a fixture

EMPTY = "digest: sha256:" + "0" * 64


@pytest.fixture
def root(tmp_path: Path, repository: str) -> Path:  # noqa: F811
    """The small repository; `reports` comes from the test's Helm repository, and the viewer's digest is known."""
    (tmp_path / "work").mkdir()
    found = copy_small(tmp_path / "work")
    edit(found, "values/values-ward.yaml", "repoURL: https://charts.example.org", f"repoURL: {repository}")
    return found


def lock(root: Path, *arguments: str) -> Result:
    return medpattern("lock", *arguments, root=root)


def values(root: Path) -> str:
    return (root / "values/values-ward.yaml").read_text("utf-8")


def locked_images(root: Path, digest: str) -> None:
    """A lock file of an earlier day that knows the viewer's image."""
    entry = f"kind: image, repository: quay.io/example/viewer, version: '1.0', resolved: '{digest}'"
    text = f"version: 1\npins: [{{{entry}}}]\n"
    (root / "values/lock.yaml").write_text(text, "utf-8")


def test_an_update_pins_a_range_and_says_what_could_not_be_asked(root: Path) -> None:
    edit(root, "values/values-ward.yaml", "chartVersion: 1.2.3", "chartVersion: ~1.2   # what the wards agreed on")
    assert medpattern("render", root=root).code == 2, "a version that floats is not rendered"
    result = lock(root, "--update", "reports")
    assert result.code == 1, "the viewer's image is not locked yet"
    assert "+      chartVersion: 1.2.4   # what the wards agreed on" in result.out
    assert "not locked: quay.io/example/viewer:1.0" in result.err
    assert "chartVersion: 1.2.4   # what the wards agreed on" in values(root)
    assert "wanted: ~1.2" in (root / "values/lock.yaml").read_text("utf-8").replace('"', "")
    render(root)


def test_an_empty_digest_is_filled_from_the_lock_without_asking_anybody(root: Path) -> None:
    known = f"sha256:{'ab' * 32}"
    locked_images(root, known)
    edit(root, "charts/viewer/values.yaml", EMPTY, 'digest: ""')
    result = lock(root)
    assert f'+  digest: "{known}"' in result.out
    assert known in (root / "charts/viewer/values.yaml").read_text("utf-8")
    assert "not locked" in result.err, "the chart is not in that lock"


def test_check_changes_nothing_and_says_what_would_change(root: Path) -> None:
    locked_images(root, f"sha256:{'ab' * 32}")
    edit(root, "charts/viewer/values.yaml", EMPTY, 'digest: ""')
    before = (root / "charts/viewer/values.yaml").read_bytes()
    assert lock(root, "--check").code == 1
    assert (root / "charts/viewer/values.yaml").read_bytes() == before


def test_a_fleet_that_is_locked_is_clean_and_stays_so(root: Path) -> None:
    shutil.rmtree(root / "charts/viewer")
    for file, name in (("values-ward", "viewer"), ("values-central", "portal")):
        text = (root / f"values/{file}.yaml").read_text("utf-8")
        (root / f"values/{file}.yaml").write_text(text.replace("path: charts/viewer", "path: charts/legend"), "utf-8")
        assert name in text
    first = lock(root, "--update")
    assert (first.code, lock(root).code, lock(root, "--check").code) == (0, 0, 0)
    assert lock(root, "--check").out == ""


def test_another_archive_under_the_same_version_is_refused(root: Path, tmp_path: Path) -> None:
    edit(root, "values/values-ward.yaml", "chartVersion: 1.2.3", "chartVersion: 1.2.4")
    lock(root, "--update", "reports")
    before = (root / "values/lock.yaml").read_text("utf-8")
    (tmp_path / "charts/reports-1.2.4.tgz").write_bytes(b"somebody else's")
    result = lock(root, "--update", "reports")
    assert result.code == 1
    assert "changed: http://127.0.0.1" in result.err
    assert sha256(b"an archive").hexdigest() in result.err
    assert "--accept-changed" in result.err
    assert (root / "values/lock.yaml").read_text("utf-8") == before
    lock(root, "--update", "reports", "--accept-changed")
    assert sha256(b"somebody else's").hexdigest() in (root / "values/lock.yaml").read_text("utf-8")


def test_a_branch_of_git_becomes_its_commit(root: Path, tmp_path: Path) -> None:
    origin = tmp_path / "origin"
    origin.mkdir()
    (origin / "file").write_text("1", "utf-8")
    revision = commit(origin)
    text = values(root)
    start, end = text.index("      repoURL: http"), text.index("      dependsOn: [viewer]")
    remote = f"      repoURL: file://{origin}\n      path: deploy\n      targetRevision: main\n"
    (root / "values/values-ward.yaml").write_text(text[:start] + remote + text[end:], "utf-8")
    result = lock(root, "--update", "reports")
    assert f"+      targetRevision: {revision}" in result.out
    assert f"targetRevision: {revision}" in values(root)


def test_a_server_that_does_not_answer_ends_with_3_and_what_was_known_stays(root: Path, tmp_path: Path) -> None:
    lock(root, "--update", "reports")
    before = (root / "values/lock.yaml").read_text("utf-8")
    (tmp_path / "index.yaml").unlink()
    result = lock(root, "--update", "reports")
    assert result.code == 3
    assert "not asked: http://127.0.0.1" in result.err
    assert "404 (not found)" in result.err
    assert (root / "values/lock.yaml").read_text("utf-8") == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("reports",), "go with --update"),
        (("--accept-changed",), "go with --update"),
        (("--update", "--check"), "excludes --update"),
        (("--update", "report"), "no application 'report' on these clusters; did you mean 'reports'?"),
    ],
)
def test_wrong_use_is_said(root: Path, arguments: tuple[str, ...], words: str) -> None:
    result = lock(root, *arguments)
    assert result.code == 2
    assert words in result.err
