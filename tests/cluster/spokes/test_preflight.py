"""What is asked of both sides before anything is changed; no server."""

from __future__ import annotations

import pytest

from medpattern.cluster.preflight import problems
from medpattern.cluster.spokes.preflight import Both, rotation_rights
from medpattern.cluster.spokes.reach import Way
from tests.cluster.standin import StandIn

ON_SPOKE = {(verb, "secrets") for verb in ("get", "list", "create", "patch", "delete")}
ON_HUB = {(verb, "secrets") for verb in ("get", "patch")}


def lacking(on_spoke: set[tuple[str, str]], on_hub: set[tuple[str, str]]) -> list[str]:
    both = Both(StandIn(rights=on_spoke), StandIn(rights=on_hub), Way(b"", "", False, {}))
    return [f"{one.name}: {one.message}" for one in problems(tuple(rotation_rights(both, "argocd")))]


@pytest.mark.parametrize("verb", sorted(verb for verb, _ in ON_SPOKE))
def test_no_token_is_made_by_a_login_that_could_not_end_the_old_one(verb: str) -> None:
    said = lacking(ON_SPOKE - {(verb, "secrets")}, ON_HUB)

    assert said == [f"spoke permissions: the login may not {verb} secrets in medpattern-hub"]


@pytest.mark.parametrize("verb", sorted(verb for verb, _ in ON_HUB))
def test_no_token_is_made_that_the_hub_could_not_be_given(verb: str) -> None:
    assert lacking(ON_SPOKE, ON_HUB - {(verb, "secrets")}) == [
        f"hub permissions: the login may not {verb} secrets in argocd"
    ]


def test_a_login_with_these_rights_and_no_others_may_rotate() -> None:
    assert lacking(ON_SPOKE, ON_HUB) == []
