"""A spoke leaves: which cluster it may be, which rights are asked for first, in which order things go; no server."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from medpattern.cli.cluster_add import _open_leaving
from medpattern.cluster.connection import Answer, Object, Objects
from medpattern.cluster.preflight import Check, problems
from medpattern.cluster.resources import Resource
from medpattern.cluster.spokes import account
from medpattern.cluster.spokes.preflight import Both, preflight
from medpattern.cluster.spokes.reach import Way
from medpattern.cluster.spokes.registration import IDENTITY
from medpattern.cluster.spokes.removal import Leaving, hub_rights, remains, removal_checks, remove
from medpattern.cluster.spokes.rights import Rights
from medpattern.cluster.spokes.tree import Spoke
from medpattern.errors import RefusalError, RemoteError, UsageError
from medpattern.fleet.facts import Facts
from tests.cluster.standin import KINDS, StandIn, thing

RBAC = "rbac.authorization.k8s.io"
UID = "0b5c"
MORE = (
    Resource("", "v1", "ServiceAccount", "serviceaccounts", True),
    Resource(RBAC, "v1", "Role", "roles", True),
    Resource(RBAC, "v1", "RoleBinding", "rolebindings", True),
)
# What a login needs on a spoke, but for what lies in its namespaces.
ON_SPOKE = {
    *((verb, plural) for plural in ("roles", "rolebindings", "clusterroles", "clusterrolebindings")
      for verb in ("list", "delete")),
    *((verb, "namespaces") for verb in ("get", "list", "delete")),
}  # fmt: skip
ON_HUB = {
    *((verb, "secrets") for verb in ("get", "list", "delete")),
    *((verb, "configmaps") for verb in ("get", "list", "patch")),
    ("list", "applications"),
}


class Side(StandIn):
    """A cluster that things can be removed from, told in `gone`; it fails at the name `breaks`, the kind `vanished`."""

    def __init__(self, objects: Objects, gone: list[str], rights: Collection[tuple[str, str]] | None = None) -> None:
        kinds = [
            Resource(one.group, one.version, one.kind, one.plural, one.namespaced, frozenset({"list", "delete"}))
            for one in (*KINDS, *MORE)
        ]
        super().__init__(objects, kinds, rights=rights)
        self.gone, self.breaks, self.vanished = gone, "", ""

    def list(self, api_version: str, kind: str, namespace: str | None = None, labels: str = "") -> Objects:
        wanted = dict(one.split("=") for one in labels.split(",") if one)
        found = super().list(api_version, kind, namespace)
        return [one for one in found if wanted.items() <= (one["metadata"].get("labels") or {}).items()]

    def ask(self, method: str, path: str, *_more: Any, **_others: Any) -> Answer:
        """Lists of what is in a namespace, besides the version."""
        if "/namespaces/" not in path:
            return super().ask(method, path)
        plural = path.rpartition("/")[2]
        if plural in self.vanished:
            raise RefusalError(f"no {plural}", 404, "NotFound")
        kind = next(one for one in self.resources.all if one.path(path.split("/")[-2]) == path)
        rows = self._of(kind.kind, path.split("/")[-2])
        return Answer(200, {}, (), json.dumps({"items": rows}).encode())

    def delete(self, api_version: str, kind: str, name: str, namespace: str = "", *, propagation: str = "") -> bool:
        if name == self.breaks:
            raise RemoteError("it went away")
        left = [one for one in self.objects if (one["kind"], one["metadata"]["name"]) != (kind, name)]
        self.gone += [f"{kind} {name}"] if len(left) < len(self.objects) else []
        is_there, self.objects = len(left) < len(self.objects), left
        return is_there


def joined(name: str = "hospital-1", *, made: Collection[str] = ()) -> Objects:
    """What a spoke has after `cluster add`."""
    own = account.objects(name, Rights((), dict.fromkeys(made, ())), made)
    return [thing("Namespace", "kube-system", metadata={"uid": UID}), *json.loads(json.dumps(own))]


def without_name(objects: Objects) -> Objects:
    """As an older version has made them."""
    for one in objects:
        one["metadata"].get("annotations", {}).pop(account.OF_CLUSTER, None)
    return objects


def secret(name: str = "hospital-1", uid: str = UID) -> Object:
    labels = {"argocd.argoproj.io/secret-type": "cluster", "app.kubernetes.io/managed-by": "medpattern"}
    metadata = {"labels": labels, "annotations": {IDENTITY: uid}}
    return thing("Secret", f"medpattern-cluster-{name}", "argocd", metadata=metadata)


def leaving(name: str, spoke: Side, live: Object | None = None, cluster_id: str = "") -> Leaving:
    hub = Side([live] if live else [], spoke.gone)
    return Leaving(name, "argocd", False, hub, spoke, live, cluster_id)


def told(found: Collection[Check]) -> list[str]:
    return [one.message for one in problems(tuple(found))]


def test_a_name_that_was_mistyped_takes_no_other_cluster_apart() -> None:
    """The hub has no Secret of hospital-22, so only the spoke itself can say that it is hospital-1."""
    found = list(removal_checks(leaving("hospital-22", Side(joined("hospital-1"), []))))

    (said,) = told(found)
    assert "is another cluster than 'hospital-22'" in said
    assert "says hospital-1" in said


@pytest.mark.parametrize(
    ("live", "name", "cluster_id", "right"),
    [
        (None, "hospital-1", "", True),  # by the name on the spoke
        (None, "", UID, True),  # by the facts
        (secret(), "", "", True),  # by the hub
        (None, "", "", False),  # by nothing
        (secret(uid="other"), "hospital-1", "", False),
        (None, "hospital-1", "other", False),
        (secret(), "hospital-2", "", False),
    ],
)
def test_a_spoke_leaves_only_if_something_says_that_it_is_the_one_and_nothing_else_does(
    live: Object | None, name: str, cluster_id: str, *, right: bool
) -> None:
    objects = joined(name) if name else without_name(joined())

    found = removal_checks(leaving("hospital-1", Side(objects, []), live, cluster_id))

    assert (told(list(found)) == []) == right


def test_a_cluster_that_nothing_was_added_to_is_told_and_no_problem() -> None:
    found = list(removal_checks(leaving("hospital-1", Side(joined()[:1], []))))

    assert told(found) == []
    assert any("has nothing of 'cluster add'" in one.message for one in found)


def test_add_takes_no_cluster_that_was_added_with_another_name() -> None:
    hub = Facts("hub", "central", hub="hub", argocd_namespace="argocd")
    facts = Facts("hospital-22", "wards", hub="hub", server="https://ward", argocd_model="push")
    both = Both(Side(joined("hospital-1"), []), Side([], []), Way(b"", "", False, {}))

    found = told(preflight(Spoke(facts, hub), both).checks)
    same = told(preflight(Spoke(replace(facts, name="hospital-1"), hub), both).checks)

    assert any("was added as 'hospital-1'" in one for one in found)
    assert not any("was added as" in one for one in same)


def test_every_right_that_is_used_is_asked_for_before_anything_is_removed() -> None:
    def lacks(rights: Collection[tuple[str, str]]) -> list[str]:
        return told(list(removal_checks(leaving("hospital-1", Side(joined(made=["web"]), [], rights)))))

    for verb, plural in ON_SPOKE:
        assert any(f"may not {verb} {plural}" in one for one in lacks(ON_SPOKE - {(verb, plural)})), (verb, plural)
    # What is in a namespace that was made must be seen, else data could go with it.
    assert "the login may not list persistentvolumeclaims in web" in lacks(ON_SPOKE)
    for verb, plural in ON_HUB:
        found = tuple(hub_rights(Side([], [], ON_HUB - {(verb, plural)}), "argocd", is_openshift=False))
        assert [f"may not {verb} {plural}" in one for one in told(found)] == [True]
    assert told(list(hub_rights(Side([], [], ON_HUB), "argocd", is_openshift=False))) == []


def test_what_says_which_cluster_it_is_goes_last_so_that_a_stopped_run_can_be_repeated() -> None:
    gone: list[str] = []
    one = leaving("hospital-1", Side(joined(made=["web"]), gone), secret())
    spoke: Any = one.spoke
    spoke.breaks = "web"

    with pytest.raises(RemoteError, match="went away"):
        remove(one, lambda _: None)
    assert not {"Namespace medpattern-hub", "Secret medpattern-cluster-hospital-1"} & set(gone)

    spoke.breaks = ""
    assert told(list(removal_checks(one))) == []
    remove(one, lambda _: None)
    assert gone[-3:] == ["Namespace web", "Namespace medpattern-hub", "Secret medpattern-cluster-hospital-1"]


def test_the_current_context_is_never_taken_for_a_spoke_that_leaves(tmp_path: Path) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text(json.dumps({
        "current-context": "east",
        "contexts": [{"name": name, "context": {"cluster": name, "user": "u"}} for name in ("east", "west")],
        "clusters": [{"name": name, "cluster": {"server": f"https://{name}"}} for name in ("east", "west")],
        "users": [{"name": "u", "user": {"token": "t"}}],
    }))  # fmt: skip

    with pytest.raises(UsageError, match="name its context by --context, or say --lost"):
        _open_leaving(file, None, "gone", "")
    assert _open_leaving(file, None, "west", "").context == "west"
    assert _open_leaving(file, None, "gone", "https://west").context == "west"
    assert _open_leaving(file, "east", "gone", "").context == "east"


def test_a_namespace_is_empty_with_what_clusters_and_operators_put_everywhere() -> None:
    by_itself = [
        thing("ServiceAccount", "pipeline", "web"),
        thing("ConfigMap", "config-trusted-cabundle", "web"),
        thing("ConfigMap", "copied", "web", metadata={"labels": {"olm.copiedFrom": "operators"}}),
        thing("Secret", "pull", "web", metadata={"annotations": {"kubernetes.io/service-account.name": "default"}}),
        thing("RoleBinding", "system:image-pullers", "web", api_version=f"{RBAC}/v1"),
    ]
    spoke = Side(by_itself, [])
    spoke.vanished = "deployments"  # its definition went while this is looked at

    assert remains(spoke, "web") == []


def test_what_somebody_made_stays_also_if_medpattern_is_said_to_manage_it() -> None:
    labels = {"app.kubernetes.io/managed-by": "medpattern"}
    kept = [thing("PersistentVolumeClaim", "films", "web", metadata={"labels": labels}), thing("Secret", "own", "web")]

    assert sorted(remains(Side(kept, []), "web")) == ["PersistentVolumeClaim films", "Secret own"]
