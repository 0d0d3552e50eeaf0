"""`medpattern lock --update` against a real OCI registry that asks for a login."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from medpattern.errors import RemoteError
from medpattern.lock.remotes import Remotes
from tests.fleet.small import copy_small, edit, process
from tests.real.servers.registry import PASSWORD, OciRegistry, running_registry


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OciRegistry]:
    with running_registry(tmp_path_factory.mktemp("registry")) as found:
        yield found


@pytest.fixture
def logged_in(registry: OciRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """As after `docker login`: the credentials stand in ~/.docker/config.json."""
    home = tmp_path / "home"
    registry.docker_config(home / ".docker")
    monkeypatch.setenv("HOME", str(home))
    return home


@pytest.mark.usefixtures("logged_in")
def test_the_digest_is_the_registrys(registry: OciRegistry) -> None:
    wanted = registry.push("team/image", "1.0", "one")
    assert Remotes().image_digest(f"{registry.host}/team/image", "1.0") == wanted


@pytest.mark.usefixtures("logged_in")
def test_charts_in_a_registry_have_versions_and_digests(registry: OciRegistry) -> None:
    digests = {version: registry.push("charts/reports", version.replace("+", "_"), version)
               for version in ("1.2.0", "1.2.1+build.5", "2.0.0")}  # fmt: skip
    remotes = Remotes()
    repository = f"oci://{registry.host}/charts"
    assert set(remotes.chart_versions(repository, "reports")) == set(digests)
    assert remotes.chart_digest(repository, "reports", "1.2.1+build.5") == digests["1.2.1+build.5"]


@pytest.mark.usefixtures("logged_in")
def test_a_tag_that_is_not_there_is_said(registry: OciRegistry) -> None:
    with pytest.raises(RemoteError, match=r"team/none:1\.0: the registry says 404 \(not found\)"):
        Remotes().image_digest(f"{registry.host}/team/none", "1.0")


def test_a_login_that_is_missing_is_said(
    registry: OciRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(RemoteError, match=f"{registry.host}/team/image.*docker login"):
        Remotes().image_digest(f"{registry.host}/team/image", "1.0")


def test_an_empty_digest_is_filled_and_a_moved_tag_is_followed(
    registry: OciRegistry, logged_in: Path, tmp_path: Path
) -> None:
    root = copy_small(tmp_path)
    edit(root, "charts/viewer/values.yaml", "registry: quay.io", f"registry: {registry.host}")
    edit(root, "charts/viewer/values.yaml", "digest: sha256:" + "0" * 64, 'digest: ""')

    def update() -> str:
        done = process("lock", "--update", "viewer", "--root", root, HOME=str(logged_in))
        assert done.code == 1, "nobody has asked for the chart of reports"
        assert PASSWORD not in done.out + done.err
        return (root / "charts/viewer/values.yaml").read_text("utf-8")

    first = registry.push("example/viewer", "1.0", "first")
    assert f'digest: "{first}"' in update()
    second = registry.push("example/viewer", "1.0", "second")
    assert f'digest: "{second}"' in update()
    assert second in (root / "values/lock.yaml").read_text("utf-8")
