"""Whose an object is."""

from __future__ import annotations

from typing import Any

import pytest

from medpattern.cluster.tracking import TRACKING_ID, Tracking, tracking, why_kept


def thing(mark: str = "", kind: str = "Deployment", namespace: str = "ward", **metadata: Any) -> dict[str, Any]:
    """A live object with a mark."""
    annotations = {TRACKING_ID: mark} if mark else {}
    where = {"namespace": namespace} if namespace else {}
    return {"apiVersion": "apps/v1" if kind == "Deployment" else "v1", "kind": kind,
            "metadata": {"name": "web", **where, "annotations": annotations, **metadata}}  # fmt: skip


@pytest.mark.parametrize(
    ("live", "owner"),
    [
        (thing("viewer:apps/Deployment:ward/web"), "viewer"),
        (thing("viewer:/Namespace:argocd/web", "Namespace", ""), "viewer"),
        (thing("viewer:apps/Deployment:ward/other"), ""),  # copied by an operator
        (thing("viewer:apps/Deployment:other/web"), ""),
        (thing("viewer:/ConfigMap:ward/web"), ""),
        (thing("rubbish"), ""),
        (thing(), ""),
        (thing(labels={"app.kubernetes.io/instance": "viewer"}), ""),
    ],
)
def test_a_mark_names_the_owner_unless_it_is_another_objects(live: dict[str, Any], owner: str) -> None:
    assert Tracking().owner(live) == owner


def test_by_label_the_settings_say_which() -> None:
    found = tracking({"application.resourceTrackingMethod": "label", "application.instanceLabelKey": "mine"})

    assert found.owner(thing(labels={"mine": "viewer"})) == "viewer"
    assert found.marked(thing(), thing(labels={"mine": "viewer", "b": "c"}), "viewer")["metadata"]["labels"] == {
        "mine": "viewer"
    }


def test_the_mark_of_its_own_application_is_no_difference_and_that_of_another_is() -> None:
    wanted, live = thing(annotations={"a": "b"}), thing("viewer:apps/Deployment:ward/web")

    assert Tracking().marked(wanted, live, "viewer")["metadata"]["annotations"] == {
        "a": "b",
        TRACKING_ID: "viewer:apps/Deployment:ward/web",
    }
    assert Tracking().marked(wanted, live, "other") == wanted


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("Prune=false", "stays: Prune=false"),
        ("Delete=confirm, Prune=confirm", "stays until it is confirmed: Prune=confirm"),
        ("ServerSideApply=true", ""),
    ],
)
def test_what_argo_cd_does_not_prune_is_told_why(options: str, said: str) -> None:
    assert why_kept(thing(annotations={"argocd.argoproj.io/sync-options": options})) == said
