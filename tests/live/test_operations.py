"""One life of a hub and a spoke, by the commands of docs/operations.md as they stand there."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from medpattern import __version__
from tests.fleet.small import CHECKOUT, edit
from tests.live.handbook import commands, quoted
from tests.live.servers.argocd import NAMESPACE
from tests.live.servers.gitops import APPLICATIONS
from tests.live.site import GLOBAL, SPACE, Site, in_service

DEPLOYMENTS = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"
SETTINGS = f"{SPACE}/configmaps/argocd-cm"
APPROVAL = "argocd.argoproj.io/deletion-approved"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("site"))
    try:
        yield in_service(made.start())
    finally:
        made.discard()


def test_an_upgrade_of_each_part_changes_what_it_should_and_nothing_else(site: Site, tmp_path: Path) -> None:
    site.typist.type_all("Change a cluster's token")
    before = site.objects()

    # medpattern: the next version gives each Application one more try.
    new = newer_medpattern(tmp_path)
    site.typist.program("pip", f'test "$*" = "install --upgrade medpattern" && touch "{tmp_path}/installed"')
    pip, *others = commands("medpattern")
    site.typist.type(pip)
    assert (tmp_path / "installed").exists()
    site.typist.install(new)
    assert "rendered/east/argocd/application-" in "".join(site.typist.type(command) for command in others)
    site.wait(lambda: limits(site) == {21}, "the Applications of the new medpattern")

    # Kubernetes: the tree is judged by another version.
    site.write_facts("hub", version="1.35")
    validate, live = commands("Kubernetes")
    site.typist.type(validate)
    site.typist.type(live)
    site.write_facts("hub", version="1.36")

    # Argo CD: upstream's own manifest with an object more and the notifications left out.
    other = another_release(site.manifest, tmp_path)
    site.ward.edit(GLOBAL, str(site.manifest), str(other))
    site.ward.edit(GLOBAL, site.engine(site.manifest)["sha256"], site.engine(other)["sha256"])
    push, dry, upgrade = commands("Argo CD")
    site.typist.type(push)
    assert "--upgrade-argocd takes the one of the values" in site.typist.type(upgrade.replace("--upgrade-argocd", ""))
    assert "Deployment argocd-notifications-controller in argocd: would be removed" in site.typist.type(dry)
    assert site.hub.get(f"{DEPLOYMENTS}/argocd-notifications-controller")
    told = site.typist.type(upgrade)
    assert "removed  Deployment argocd-notifications-controller in argocd" in told
    assert not site.hub.get(f"{DEPLOYMENTS}/argocd-notifications-controller")
    assert site.hub.get(f"{SPACE}/configmaps/argocd-of-the-other-release")
    assert "resource.respectRBAC" in site.hub.get(SETTINGS)["data"]
    assert "nothing to do" in site.typist.type(upgrade)

    site.wait(site.healthy, "all Applications to be healthy")
    assert site.objects() == before


def newer_medpattern(folder: Path) -> Path:
    """The sources of this medpattern as of a later version, which gives an Application another number of tries."""
    shutil.copytree(CHECKOUT / "src", folder / "new" / "src", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("charts", "values"):
        (folder / "new" / name).symlink_to(CHECKOUT / name)
    edit(
        folder / "new", "src/medpattern/argocd/applications.py", "DEFAULT_RETRY_LIMIT = 20", "DEFAULT_RETRY_LIMIT = 21"
    )
    edit(folder / "new", "src/medpattern/__init__.py", f'"{__version__}"', '"0.99.0"')
    return folder / "new" / "src"


def limits(site: Site) -> set[int]:
    """How often the Applications try again; the roots and what is not in the tree have their own number."""
    found = site.applications()
    return {found[name]["spec"]["syncPolicy"]["retry"]["limit"] for name in ("portal", "east-broker", "east-viewer")}


def another_release(manifest: Path, folder: Path) -> Path:
    """A manifest as of another release of Argo CD."""
    things = [one for one in yaml.load_all(manifest.read_bytes(), yaml.CSafeLoader) if one]
    kept = [one for one in things if "notifications" not in one["metadata"]["name"]]
    assert len(kept) < len(things)
    kept.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "argocd-of-the-other-release"}})
    path = folder / "install.yaml"
    path.write_text(yaml.dump_all(kept, Dumper=yaml.CSafeDumper), "utf-8")
    return path


def test_a_cluster_is_removed_and_the_hub_uninstalled(site: Site) -> None:
    (site.ward.root / "values/clusters/east.yaml").unlink()
    site.ward.publish("without east", *(f"east/{name}" for name in (
        "KafkaTopic/images", "KafkaTopic/results", "Namespace/broker", "Namespace/images")))  # fmt: skip
    site.wait(lambda: gone(site, "east-"), "Argo CD to remove the Applications of the spoke")
    told = site.typist.type(quoted("Remove a cluster", "medpattern cluster remove"))
    assert "removed  Namespace medpattern-hub" in told

    dry, uninstall = commands("Uninstall")
    site.typist.type(dry)
    assert site.applications()
    site.typist.type(uninstall, answer="hub")
    assert not site.applications()
    assert not site.hub.get("/api/v1/namespaces/tools")


def gone(site: Site, prefix: str) -> bool:
    """Whether no Application of that name is left; somebody agrees to the deletion of data."""
    left = {name: one for name, one in site.applications().items() if name.startswith(prefix)}
    for name, one in left.items():
        metadata = one["metadata"]
        if "deletionTimestamp" in metadata and APPROVAL not in (metadata.get("annotations") or {}):
            stamp = {"metadata": {"annotations": {APPROVAL: metadata["deletionTimestamp"]}}}
            site.hub.change(f"{APPLICATIONS}/{name}", stamp)
    return not left
