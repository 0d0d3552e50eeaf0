"""Who is told of what, and under which id."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medpattern.pipeline.events.results import Outcome, Publication
from medpattern.pipeline.notification.policy import Policy, notification_id
from tests.pipeline.notification.notices import notice
from tests.pipeline.samples import OTHER_MODEL

BOTH = ("mail", "webhook")


@pytest.mark.parametrize(
    ("changes", "policy", "told"),
    [
        ({}, Policy(BOTH), True),
        ({"publication": Publication.QUARANTINED}, Policy(BOTH), True),
        ({"outcome": Outcome.NORMAL}, Policy(BOTH, unsure=True, simulated=True), False),
        ({"outcome": Outcome.UNSURE}, Policy(BOTH), False),
        ({"outcome": Outcome.UNSURE}, Policy(BOTH, unsure=True), True),
        ({"notify": False}, Policy(BOTH, unsure=True, simulated=True), False),
        ({"backfill": True, "notify": False}, Policy(BOTH), False),
        ({"backfill": True, "notify": True}, Policy(BOTH), True),
        ({"simulated": True}, Policy(BOTH), False),
        ({"simulated": True}, Policy(BOTH, simulated=True), True),
        ({"simulated": True, "notify": False}, Policy(BOTH, simulated=True), False),
    ],
)
def test_who_is_told(changes: dict[str, Any], policy: Policy, told: bool) -> None:
    assert policy.channels_for(notice(**changes)) == (BOTH if told else ())


def test_another_model_that_finds_the_same_tells_nobody_twice() -> None:
    assert notification_id(notice(), "mail") == notification_id(notice(model_sha256=OTHER_MODEL), "mail")


def test_channels_images_and_kinds_of_news_are_kept_apart() -> None:
    unsure = notice(outcome=Outcome.UNSURE)
    ids = {notification_id(each, channel) for each in (notice(), notice("other.png"), unsure) for channel in BOTH}
    assert len(ids) == 6


@given(st.sampled_from([Outcome.PNEUMONIA, Outcome.UNSURE]), st.sampled_from(BOTH))
def test_an_id_fits_its_column_and_a_mails_header(outcome: Outcome, channel: str) -> None:
    from medpattern.pipeline.database.schema import notifications

    found = notification_id(notice(outcome=outcome), channel)
    assert len(found) <= notifications.c.notification_id.type.length  # type: ignore[attr-defined]
    assert found.replace("-", "").isalnum()
