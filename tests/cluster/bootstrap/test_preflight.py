"""What the preflight of bootstrap says of rights, manifests and logins."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from medpattern.checks.manifests import Manifest
from medpattern.cluster.bootstrap import engine
from medpattern.cluster.bootstrap.checkout import Login, Remote
from medpattern.cluster.bootstrap.intent import Wanted, read_wanted, with_secrets
from medpattern.cluster.bootstrap.preflight import preflight
from medpattern.cluster.preflight import Check, problems
from medpattern.rendering.selection import Selection
from tests.cluster.standin import StandIn, thing
from tests.fleet.small import copy_small


@pytest.fixture
def wanted(tmp_path: Path) -> Wanted:
    root = copy_small(tmp_path)
    return read_wanted(Selection(root, clusters=("west",)), root / "rendered")


def told(wanted: Wanted, connection: StandIn, name: str) -> list[Check]:
    return [one for one in problems(preflight(wanted, connection).checks) if one.name == name]


def test_a_secret_that_may_not_be_read_is_a_right_that_is_missing_and_no_server_that_is_gone(wanted: Wanted) -> None:
    source = {"secretKeyRef": {"name": "password", "key": "text"}}
    containers = [{"name": "one", "env": [{"name": "PASSWORD", "valueFrom": source}]}]
    pod = thing("Pod", "reader", "clinic", spec={"containers": containers})
    known = wanted.inventory.manifests
    asked = replace(
        wanted,
        inventory=replace(
            wanted.inventory, manifests=(*known, Manifest(pod, "clinic", known[-1].app, 0, known[-1].locate))
        ),
    )

    assert ["password" in one.message for one in told(asked, StandIn(), "secrets")] == [True]
    refusing = StandIn(refused=["secrets"], rights=())
    assert told(asked, refusing, "server") == []
    assert "the login may not get secrets in clinic" in [one.message for one in told(asked, refusing, "permissions")]


def test_an_upgrade_whose_manifest_cannot_be_read_has_that_one_problem(wanted: Wanted, tmp_path: Path) -> None:
    definitions = [thing("CustomResourceDefinition", name) for name in engine.DEFINITIONS]
    labels = {"app.kubernetes.io/part-of": "argocd"}
    controller = thing("StatefulSet", "argocd-application-controller", "argocd", metadata={"labels": labels})
    record = engine.record("argocd", "a" * 64, engine.INSTALLED)
    server = StandIn([*definitions, controller, thing("ConfigMap", engine.SETTINGS, "argocd"), record])
    (tmp_path / "install.yaml").write_text("a: b\n", "utf-8")
    asked = replace(wanted, upgrades=True, manifest=str(tmp_path / "install.yaml"), sha256="b" * 64)

    (found,) = told(asked, server, "argocd")

    assert "has the sha256" in found.message


# ---- the repository's login --------------------------------------------------------------------------------------

SECRETS = """\
version: "2.0"
backingStore: none
secrets:
  - name: shorter
    targetNamespaces: [argocd]
    labels: {argocd.argoproj.io/secret-type: repository}
    fields: [{name: url, value: "https://git.example.org/ward/medical"}, {name: password, value: of-another}]
  - name: prefix
    targetNamespaces: [argocd]
    labels: {argocd.argoproj.io/secret-type: repo-creds}
    fields: [{name: url, value: "https://git.example.org/ward"}, {name: password, value: of-all}]
"""
EXACT = """\
  - name: exact
    targetNamespaces: [argocd]
    labels: {argocd.argoproj.io/secret-type: repository}
    fields: [{name: url, value: "https://git.example.org/ward/medical-diagnosis"}, {name: password, value: its-own}]
"""


@pytest.mark.parametrize(("text", "password"), [(SECRETS, "of-all"), (SECRETS + EXACT, "its-own")])
def test_the_repository_is_asked_with_the_login_that_argocd_will_choose(
    wanted: Wanted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, password: str
) -> None:
    file = tmp_path / "values-secret.yaml"
    file.touch(0o600)
    file.write_text(text, "utf-8")
    git = replace(wanted.git, repo_url="https://git.example.org/ward/medical-diagnosis.git")
    used: list[Login] = []

    def asked(_url: str, _revision: str, login: Login) -> Remote:
        used.append(login)
        return Remote()

    monkeypatch.setattr("medpattern.cluster.bootstrap.preflight.ask_remote", asked)

    preflight(with_secrets(replace(wanted, git=git), file, []), StandIn())

    assert [one.password and one.password.text() for one in used] == [password]
