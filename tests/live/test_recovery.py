"""What was lost comes back, by the commands of docs/operations.md as they stand there."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fleet.small import git
from tests.live.handbook import commands
from tests.live.servers.argocd import ArgoCD
from tests.live.site import CENTRAL, GLOBAL, SPACE, Machines, Site, in_service

PORTAL = "/apis/apps/v1/namespaces/tools/deployments/viewer"
LEGEND = "/api/v1/namespaces/images/configmaps/legend"
CLAIM = "/api/v1/namespaces/broker/persistentvolumeclaims/journal"
LOST, MOVED, OLDER = "Argo CD is lost", "The git repository is lost", "An older etcd"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("site"))
    try:
        yield in_service(made.start())
    finally:
        made.discard()


def test_a_lost_argocd_comes_back_and_takes_over_what_is_there(site: Site) -> None:
    before = site.objects()
    assert any("kafkatopics" in name for name in before)
    site.argocd.stop()
    site.hub.cluster.api.must(site.hub.cluster.api.ask("DELETE", SPACE))

    take_off, wait, bootstrap, add, status = commands(LOST)
    for command in (take_off, wait, bootstrap, add):
        site.typist.type(command)
    site.wait(site.healthy, "all Applications to be healthy again")
    site.typist.type(status)
    assert site.objects() == before


def test_a_repository_that_moved_changes_no_object(site: Site) -> None:
    before = site.objects()
    url = site.git.make("elsewhere")
    git(site.ward.root, "remote", "set-url", "origin", url)
    shutil.rmtree(site.git.folder / "ward.git")
    site.ward.edit(GLOBAL, site.ward.url, url)

    site.typist.type_all(MOVED)

    site.wait(lambda: sources(site) == {url} and site.healthy(), "Argo CD to read the other repository")
    assert site.objects() == before


def sources(site: Site) -> set[str]:
    """The repositories that Argo CD reads."""
    return {one["spec"]["source"]["repoURL"] for one in site.applications().values()}


def test_an_older_etcd_is_brought_to_what_git_says(site: Site, tmp_path: Path) -> None:
    site.argocd.stop()
    site.hub.cluster.stop()
    shutil.copytree(site.hub.cluster.data, tmp_path / "etcd")
    site.hub.restart()
    site.ward.edit(CENTRAL, "    - reports\n", "    - reports\n    - archive\n")
    site.ward.publish("a namespace for the archive")
    site.wait(lambda: site.healthy() and site.hub.get("/api/v1/namespaces/archive"), "the namespace")
    site.typist.type_all("Change a cluster's token")

    site.argocd.stop()
    site.hub.restart(tmp_path / "etcd")
    assert not site.hub.get("/api/v1/namespaces/archive")
    site.typist.type_all(OLDER)

    site.wait(lambda: site.healthy() and site.hub.get("/api/v1/namespaces/archive"), "what git says")
    site.spoke.cluster.api.must(site.spoke.cluster.api.ask("DELETE", LEGEND))
    site.wait(lambda: site.spoke.get(LEGEND), "the hub to heal the spoke with the token that both know")


def test_a_lost_spoke_is_filled_again_around_what_was_restored(site: Site, tmp_path: Path) -> None:
    before, lost = site.objects(), site.spoke.uid
    site.spoke.discard()
    site.spoke = Machines(tmp_path / "spoke").start()
    assert site.spoke.uid != lost
    site.write_kubeconfig()
    restored = restore(site.spoke)

    look, push, _, add = commands("A cluster is lost")
    look, add = (command.replace("hospital-2", "hospital-1") for command in (look, add))
    assert f"clusterId: {site.spoke.uid}" in site.typist.type(look)
    assert "this is another cluster" in site.typist.type(add, codes=(1,))
    site.write_facts("east", clusterId=site.spoke.uid, server=site.spoke.cluster.url)
    site.typist.type(push)
    site.typist.type(add)

    site.wait(lambda: site.healthy() and site.objects().keys() == before.keys(), "the new spoke to be filled")
    assert {path: site.spoke.get(path)["metadata"]["uid"] for path in restored} == restored
    assert site.spoke.get(LEGEND)["data"]["note"] == "of the backup"
    assert len(site.spoke.get(LEGEND)["data"]) > 1, "what git says is there too"


def restore(spoke: Machines) -> dict[str, str]:
    """A claim, and an object that git has too, as a backup brings them; the uid of each."""
    api = spoke.cluster.api
    api.make_namespaces(["broker", "images"])
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "journal"}, "spec": spec}
    legend = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "legend"},
        "data": {"note": "of the backup"},
    }
    made: dict[str, str] = {}
    for path, thing in ((CLAIM, claim), (LEGEND, legend)):
        made[path] = api.must(api.ask("POST", path.rpartition("/")[0], thing))["metadata"]["uid"]
    return made


def test_a_new_hub_takes_the_spoke_over_as_it_is(site: Site, tmp_path: Path) -> None:
    before = {name: found for name, found in site.objects().items() if name.startswith("east")}
    site.argocd.discard()
    site.hub.discard()
    site.hub = Machines(tmp_path / "hub").start()
    site.argocd = ArgoCD(tmp_path / "argocd", site.hub.cluster)
    site.write_kubeconfig()
    assert not site.applications()

    look, push, bootstrap, _ = commands("A cluster is lost")
    site.typist.type(look)
    site.write_facts("hub", clusterId=site.hub.uid, server=site.hub.cluster.url)
    site.typist.type(push)
    site.typist.type(bootstrap)
    site.typist.type_all("The hub is lost")

    site.wait(site.healthy, "the new hub to have both")
    assert {name: found for name, found in site.objects().items() if name.startswith("east")} == before
    assert site.hub.get(PORTAL)
