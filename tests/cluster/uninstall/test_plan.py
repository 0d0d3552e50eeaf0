"""What an uninstallation would do to a cluster, and what it leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from medpattern.cluster.connection import Object
from medpattern.cluster.uninstall.contents import is_ours
from medpattern.cluster.uninstall.looking import Place, look
from medpattern.cluster.uninstall.plan import Plan, plan
from tests.cluster.standin import thing
from tests.cluster.uninstall.world import World, application, manager, of, row, west
from tests.fleet.small import copy_small, medpattern

PLACE = Place("west", "argocd", frozenset({"broker", "images"}), frozenset({"broker", "viewer"}))


def planned(*more: Object, keep_data: bool = False, engine: bool = False) -> Plan:
    return plan(look(World(*west(*more)), PLACE), keep_data=keep_data, engine=engine)


def steps(found: Plan) -> list[str]:
    return [f"{one.verb}: {one.thing.kind} {one.thing.name}" for one in found.steps]


def stays(found: Plan) -> dict[str, str]:
    return {one.thing: one.why for one in found.stays}


def test_what_came_last_goes_first_and_the_root_is_stopped_before_and_goes_after() -> None:
    found = planned()

    assert steps(found) == [
        "stop: Application west-root",
        "delete with its objects: Application viewer",
        "delete with its objects: Application broker",
        "delete alone: Application west-root",
        "delete: AppProject platform",
        "delete if nothing of others is in it: Namespace broker",
        "delete if nothing of others is in it: Namespace images",
    ]
    assert [str(one) for one in found.data] == ["KafkaTopic images in broker"]
    assert {"CustomResourceDefinitions", "Argo CD"} <= set(stays(found))


def test_kept_data_keep_their_namespace_and_their_application_is_taken_apart() -> None:
    found = planned(thing("PersistentVolumeClaim", "journal", "broker"), keep_data=True)

    (apart,) = [one for one in found.steps if one.thing.name == "broker" and one.thing.kind == "Application"]
    assert [str(ref) for _, ref in apart.objects] == ["ConfigMap settings in broker"]
    assert "delete if nothing of others is in it: Namespace broker" not in steps(found)
    assert "delete if nothing of others is in it: Namespace images" in steps(found)
    assert found.data == ()
    assert stays(found)["PersistentVolumeClaim journal in broker"] == "it holds data"


def test_what_owns_a_claim_that_is_kept_is_kept_with_it() -> None:
    """A StatefulSet can be told to take its claims along (persistentVolumeClaimRetentionPolicy)."""
    owner = {"ownerReferences": [{"kind": "StatefulSet", "name": "store"}]}
    more = [
        application("store", row("StatefulSet", "store", "images", "apps"), row("ConfigMap", "store", "images")),
        of("store", "StatefulSet", "store", "images", "apps"),
        thing("PersistentVolumeClaim", "data-store-0", "images", metadata=owner),
    ]

    found = planned(*more, keep_data=True)

    (apart,) = [one for one in found.steps if one.thing.name == "store"]
    assert [ref.kind for _, ref in apart.objects] == ["ConfigMap"]
    assert "StatefulSet store in images" in stays(found)
    assert "PersistentVolumeClaim data-store-0 in images" in [str(one) for one in planned(*more).data]


def test_data_that_came_since_argo_cd_looked_last_are_data_too() -> None:
    more = [application("late"), of("late", "KafkaTopic", "late", "images", "kafka.strimzi.io")]

    found = planned(*more, keep_data=True)

    assert "delete but for its data: Application late" in steps(found)


@pytest.mark.parametrize(
    "strange",
    [
        thing("ConfigMap", "notes", "images"),
        of("others", "ConfigMap", "notes", "images"),
        of("viewer", "ConfigMap", "copied", "broker") | thing("ConfigMap", "notes", "images"),
    ],
    ids=["by hand", "by another Application", "by a copier"],
)
def test_a_namespace_with_something_of_others_stays_and_it_is_named(strange: Object) -> None:
    found = planned(strange)

    assert "delete if nothing of others is in it: Namespace images" not in steps(found)
    assert stays(found)["Namespace images"] == "it holds what others have made: ConfigMap notes in images"


@pytest.mark.parametrize(
    "own",
    [
        thing("ConfigMap", "openshift-service-ca.crt", "images"),
        thing("Pod", "viewer-1", "images", metadata={"ownerReferences": [{"kind": "ReplicaSet", "name": "viewer-1"}]}),
        thing("Secret", "loaded", "images", metadata={"labels": {"app.kubernetes.io/managed-by": "medpattern"}}),
        of("viewer", "ConfigMap", "colours", "images"),
    ],
    ids=["OpenShift's", "with an owner", "of the secrets file", "of an Application"],
)
def test_what_comes_by_itself_or_is_ours_does_not_keep_a_namespace(own: Object) -> None:
    assert "delete if nothing of others is in it: Namespace images" in steps(planned(own))


CREATED = {"f:metadata": {"f:labels": {".": {}, "f:kubernetes.io/metadata.name": {}}}}
LABELLED = {"f:metadata": {"f:labels": {"f:team": {}}}}


@pytest.mark.parametrize(
    ("entries", "ours"),
    [
        # As a Kubernetes 1.36 API server has written them.
        ([manager("argocd-controller", "Apply", **LABELLED), manager("medpattern", "Apply", **LABELLED)], True),
        ([manager("argocd-controller", "Apply", **LABELLED), manager("before-first-apply", **CREATED)], False),
        ([manager("argocd-controller", "Apply", **LABELLED)], True),
        ([manager("argocd-controller", "Apply", **LABELLED), manager("kubectl-create", **CREATED)], False),
        ([manager("argocd-controller", "Apply", **LABELLED), manager("flux", "Apply", **LABELLED)], False),
        ([manager("medpattern", "Apply"), manager("kubectl-label", **LABELLED)], True),
        ([manager("argocd-controller", "Apply"), manager("Mozilla", **{"f:spec": {"f:channel": {}}})], False),
        ([manager("kubectl-label", **LABELLED)], False),
        ([], False),
    ],
    ids=[
        "bootstrap",
        "applied by name alone",
        "Argo CD",
        "kubectl create",
        "another tool",
        "labelled later",
        "made in a console",
        "labelled alone",
        "unknown",
    ],
)
def test_who_has_made_a_namespace_is_told_by_its_field_managers(entries: list[Object], ours: bool) -> None:
    assert is_ours({"managedFields": entries}) is ours


def test_a_namespace_that_was_there_before_stays() -> None:
    found = planned()
    world = World(*west())
    space = world.get("v1", "Namespace", "images")
    assert space is not None
    space["metadata"]["managedFields"] = [manager("kubectl-create", **CREATED)]

    there = plan(look(world, PLACE), keep_data=False, engine=False)

    assert set(steps(found)) - set(steps(there)) == {"delete if nothing of others is in it: Namespace images"}
    assert "there before" in stays(there)["Namespace images"]


def test_a_project_that_others_use_stays() -> None:
    others = application("others", metadata={"labels": {}})

    found = planned(others)

    assert "delete: AppProject platform" not in steps(found)
    assert stays(found)["AppProject platform in argocd"] == "Applications of others use it: others"
    assert not [one for one in steps(found) if one.endswith("Application others")]


def test_only_secrets_that_medpattern_has_written_go_and_not_those_beside_kept_data() -> None:
    labels = {"app.kubernetes.io/managed-by": "medpattern"}
    written = {"labels": labels, "managedFields": [manager("medpattern", "Apply")]}
    more = [
        thing("Secret", "repository", "argocd", metadata=written),
        thing("Secret", "password", "broker", metadata=written),
        thing("Secret", "copied", "argocd", metadata={"labels": labels}),
    ]

    without, kept = steps(planned(*more)), steps(planned(*more, keep_data=True))

    assert [one for one in without if "Secret" in one] == ["delete: Secret repository", "delete: Secret password"]
    assert [one for one in kept if "Secret" in one] == ["delete: Secret repository"]


def test_the_webhooks_reference_goes_before_the_secret_that_it_names() -> None:
    """Between the two Argo CD would take the reference for the secret."""
    labels = {"app.kubernetes.io/managed-by": "medpattern"}
    entries = [manager("argocd-server"), manager("medpattern", "Apply")]
    part = {"labels": {"app.kubernetes.io/part-of": "argocd"}}
    more = [
        thing("Secret", "medpattern-webhook", "argocd", metadata={"labels": labels, "managedFields": entries[1:]}),
        thing("Secret", "argocd-secret", "argocd", metadata={**part, "managedFields": entries}),
    ]

    found = [one for one in steps(planned(*more)) if "Secret" in one]

    assert found == ["take back our settings in: Secret argocd-secret", "delete: Secret medpattern-webhook"]
    more[1] = thing("Secret", "argocd-secret", "argocd", metadata={**part, "managedFields": entries[:1]})
    assert "argocd-secret" not in "".join(steps(planned(*more)))


# ---- operators of OpenShift --------------------------------------------------------------------------------------


def subscription(name: str, namespace: str, package: str, *managers: Object) -> Object:
    mark = f"west-root:operators.coreos.com/Subscription:{namespace}/{name}"
    metadata = {
        "annotations": {"argocd.argoproj.io/tracking-id": mark},
        "managedFields": [manager("argocd-controller", "Apply"), *managers],
    }
    return thing("Subscription", name, namespace, api_version="operators.coreos.com/v1alpha1", metadata=metadata,
                 spec={"name": package}, status={"installedCSV": f"{package}.v1"})  # fmt: skip


def test_operators_go_with_what_they_installed_but_not_argo_cds_nor_those_that_were_there() -> None:
    there = manager("Mozilla", **{"f:spec": {"f:channel": {}}})
    more = [
        subscription("kafka", "broker", "amq-streams"),
        subscription("gitops", "images", "openshift-gitops-operator"),
        subscription("logging", "broker", "cluster-logging", there),
        thing("ClusterServiceVersion", "amq-streams.v1", "broker", api_version="operators.coreos.com/v1alpha1"),
    ]

    found = planned(*more)

    operators = [one for one in steps(found) if "Subscription" in one or "ServiceVersion" in one]
    assert operators == ["delete: Subscription kafka", "delete: ClusterServiceVersion amq-streams.v1"]
    assert stays(found)["Subscription logging in broker"] == "it was there before"
    assert stays(found)["Namespace broker"].endswith(": Subscription logging in broker")
    assert "delete if nothing of others is in it: Namespace images" not in steps(found)
    assert not [one for one in steps(planned(*more, keep_data=True)) if "Subscription" in one]


# ---- Argo CD itself ----------------------------------------------------------------------------------------------

INSTALLED = {"managedFields": [manager("medpattern-install", "Apply")]}


def engine_parts() -> list[Object]:
    definition = "applications.argoproj.io"
    return [
        thing("ClusterRole", "argocd-server", metadata=INSTALLED),
        thing("CustomResourceDefinition", definition, metadata=INSTALLED),
        thing("Deployment", "argocd-server", "argocd", api_version="apps/v1", metadata=INSTALLED),
        thing("Secret", "argocd-redis", "argocd"),
    ]


def test_argo_cd_goes_last_if_that_is_said_and_its_kinds_after_its_namespace() -> None:
    found = steps(planned(*engine_parts(), engine=True))

    assert found[-4:] == [
        "delete: ClusterRole argocd-server",
        "delete: Deployment argocd-server",
        "delete if nothing of others is in it: Namespace argocd",
        "delete if nothing is left of: CustomResourceDefinition applications.argoproj.io",
    ]
    assert not [one for one in steps(planned(*engine_parts())) if "argocd" in one.lower() and "delete:" in one]


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ([], "bootstrap has not installed it from a manifest"),
        ([*engine_parts(), application("others", metadata={"labels": {}})], "Applications of others are in it: others"),
    ],
    ids=["somebody else's", "used by others"],
)
def test_an_argo_cd_that_others_need_stays(more: list[Object], why: str) -> None:
    found = planned(*more, engine=True)

    assert stays(found)["Argo CD"] == why
    assert not [one for one in steps(found) if "Definition" in one]


def test_a_login_that_somebody_wrote_keeps_the_namespace_of_argo_cd() -> None:
    found = planned(*engine_parts(), thing("Secret", "my-repository", "argocd"), engine=True)

    assert "Argo CD's namespace" in stays(found)
    assert "delete if nothing of others is in it: Namespace argocd" not in steps(found)


# ---- wrong use ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("west", "--dry-run", "--yes"), "--dry-run changes nothing"),
        (("west", "--output", "json"), "say --dry-run too"),
        (("west", "--timeout", "soon"), "--timeout soon"),
        (("wset",), "no cluster 'wset'"),
        (("east",), "that of 'hub' applies it"),
    ],
    ids=["two wishes", "no plan", "no time", "no such cluster", "pushed to"],
)
def test_wrong_use_is_told_before_a_cluster_is_asked(tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    result = medpattern("uninstall", "--cluster", *words, "--kubeconfig", tmp_path / "none", root=copy_small(tmp_path))

    assert result.code == 2
    assert told in result.err


def test_a_hub_that_still_applies_others_is_refused() -> None:
    from medpattern.cli.uninstall import _require_no_spokes
    from medpattern.errors import UsageError

    world: Any = World(*west(application("east-root", metadata={"labels": {"medpattern.io/cluster": "east"}})))

    with pytest.raises(UsageError, match="applies east too"):
        _require_no_spokes(world, PLACE, ["east", "north"])
    _require_no_spokes(world, PLACE, ["north"])


def test_a_hub_that_has_logins_to_spokes_is_refused_and_the_cure_named() -> None:
    """Without the hub's Secret nobody takes the account and its token back on the spoke."""
    from medpattern.cli.uninstall import _require_no_spokes
    from medpattern.errors import UsageError

    def login(name: str, owner: str) -> Object:
        labels = {"argocd.argoproj.io/secret-type": "cluster", "medpattern.io/cluster": name}
        return thing("Secret", name, "argocd", metadata={"labels": labels, "managedFields": [manager(owner, "Apply")]})

    world: Any = World(*west(login("east", "medpattern-cluster-add"), login("theirs", "kubectl")))

    with pytest.raises(UsageError, match=r"has logins to east, .*: medpattern cluster remove NAME --hub west"):
        _require_no_spokes(world, PLACE, [])
    world.objects = [one for one in world.objects if one["metadata"]["name"] != "east"]
    _require_no_spokes(world, PLACE, [])
