"""Whether what Argo CD will read is what lies here: real git, on files."""

from __future__ import annotations

from pathlib import Path

import pytest

from medpattern.argocd.applications import Git
from medpattern.cluster.bootstrap.checkout import Login, Remote, ask_remote, repository_checks
from medpattern.cluster.preflight import Verdict
from medpattern.secretstore.hidden import Hidden
from tests.fleet.small import another_owner, commit, git


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A work tree with one rendered file, pushed to a repository beside it."""
    git(tmp_path, "init", "-q", "--bare", "-b", "main", "origin.git")
    root = tmp_path / "work"
    (root / "rendered" / "west").mkdir(parents=True)
    (root / "rendered" / "west" / "root.yaml").write_text("a: 1\n")
    commit(root)
    git(root, "remote", "add", "origin", str(tmp_path / "origin.git"))
    git(root, "push", "-q", "origin", "HEAD:main")
    return root


def url_of(clone: Path) -> str:
    return str(clone.parent / "origin.git")


def told(clone: Path, revision: str = "main") -> list[tuple[Verdict, str]]:
    where = Git(url_of(clone), revision, "rendered")
    remote = ask_remote(where.repo_url, revision, Login())
    return [(one.verdict, one.message) for one in repository_checks(clone, "rendered", "west", where, remote)]


def test_a_clone_that_is_pushed_is_what_argocd_reads(clone: Path) -> None:
    ((verdict, message),) = told(clone)

    assert verdict is Verdict.OK
    assert git(clone, "rev-parse", "HEAD")[:12] in message


def test_a_change_that_is_not_committed_or_not_pushed_is_told(clone: Path) -> None:
    (clone / "values.yaml").write_text("b: 2\n")
    found = told(clone)
    assert found[0] == (Verdict.PROBLEM, "the work tree has changes that are not committed: values.yaml")

    (clone / "rendered" / "west" / "root.yaml").write_text("a: 2\n")
    commit(clone)
    assert [verdict for verdict, _ in told(clone)] == [Verdict.PROBLEM]
    assert "has another rendered/west than HEAD" in told(clone)[0][1]


def test_a_clone_of_another_owner_is_told_in_the_words_of_git(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    where = Git(url_of(clone), "main", "rendered")
    remote = ask_remote(where.repo_url, "main", Login())
    another_owner(monkeypatch)

    (found,) = repository_checks(clone, "rendered", "west", where, remote)

    assert found.verdict is Verdict.PROBLEM
    assert f"git refuses to look at {clone}: fatal: detected dubious ownership" in found.message


def test_a_commit_that_changes_nothing_of_the_cluster_need_not_be_pushed(clone: Path) -> None:
    (clone / "README.md").write_text("words\n")
    commit(clone)

    assert [verdict for verdict, _ in told(clone)] == [Verdict.OK]


def test_a_commit_of_somebody_else_is_fetched_first(clone: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", url_of(clone), "other")
    (tmp_path / "other" / "rendered" / "west" / "root.yaml").write_text("a: 3\n")
    commit(tmp_path / "other")
    git(tmp_path / "other", "push", "-q", "origin", "HEAD:main")

    ((verdict, message),) = told(clone)

    assert verdict is Verdict.PROBLEM
    assert "which this repository does not have" in message


def test_a_revision_or_a_repository_that_is_not_there_is_told(clone: Path, tmp_path: Path) -> None:
    assert "has no revision 'release'" in told(clone, "release")[0][1]
    assert ask_remote(str(tmp_path / "none.git"), "main", Login()).error
    assert "empty" in ask_remote("", "main", Login()).error
    where = Git("https://git.example.org/a.git", "main", "rendered")
    (check,) = repository_checks(clone, "rendered", "west", where, Remote(error="no such host"))
    assert "cannot be read with the login that Argo CD will use: no such host" in check.message


@pytest.mark.parametrize("revision", ["v1", "HEAD", ""])
def test_tags_and_head_are_revisions_too(clone: Path, revision: str) -> None:
    git(clone, "tag", "-a", "v1", "-m", "one")
    git(clone, "push", "-q", "origin", "v1")

    assert ask_remote(url_of(clone), revision, Login()).commit == git(clone, "rev-parse", "HEAD").strip()


def test_a_commit_is_its_own_revision(clone: Path) -> None:
    commit_id = git(clone, "rev-parse", "HEAD").strip()

    assert ask_remote(url_of(clone), commit_id, Login()).commit == commit_id


def test_a_login_is_never_shown() -> None:
    login = Login(Hidden("argocd"), Hidden("correct-horse"))

    assert "correct-horse" not in repr(login)
