"""What staff read: pseudonym, outcome, time, model, link, and that it is no diagnosis."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from medpattern.pipeline.events.results import Outcome, Publication
from medpattern.pipeline.notification.message import message_of, read_message
from tests.pipeline.notification.notices import notice

URL = "https://results.example.org/"


def test_a_message_says_what_was_found_and_where_it_is() -> None:
    found = notice()
    message = message_of(found, URL)
    assert message.link == f"https://results.example.org/results/{found.image_pseudonym}"
    for part in (
        found.image_pseudonym,
        "pneumonia",
        "2026-11-21T09:00:07.250000Z",
        "chest-pneumonia 1.2.0",
        message.link,
    ):
        assert part in message.text()
        assert part in message.value().values()
    assert "preliminary, not for diagnosis" in message.subject
    assert "Preliminary, not for diagnosis." in message.text()
    assert message.value()["statement"] == "preliminary, not for diagnosis"


def test_a_message_names_nobody() -> None:
    message = message_of(notice("DOE^JANE.png", source_bucket="xrays-of-ward-7"), URL)
    everything = message.subject + message.text() + json.dumps(message.value()) + message.stored()
    for part in ("DOE", "JANE", "ward", "SYN-1", "SYNTHETIC", notice("DOE^JANE.png").image_id):
        assert part not in everything
    assert "patient" not in message.value()


def test_what_a_reader_must_know_is_said() -> None:
    message = message_of(notice(simulated=True, stand_in=True, publication=Publication.QUARANTINED), URL)
    assert message.subject.startswith("TEST: ")
    for part in ("simulator", "stand-in", "withheld"):
        assert part in message.text()
    plain = message_of(notice(), URL)
    assert not any(part in plain.text() for part in ("simulator", "stand-in", "withheld"))
    assert "unsure" in message_of(notice(outcome=Outcome.UNSURE, reason="outside intended use"), URL).text()


def test_without_a_results_api_there_is_no_link() -> None:
    assert message_of(notice(), "").link == ""
    assert "Result:" not in message_of(notice(), "").text()


@given(st.text(min_size=1, max_size=30), st.text(max_size=30), st.text(max_size=60))
def test_no_foreign_text_adds_a_line_or_leaves_the_link(image: str, reason: str, model: str) -> None:
    found = notice(image_pseudonym=image, reason=reason, model_name=model)
    message = message_of(found, URL)
    assert len(message.subject.splitlines()) == 1
    assert len(message.text().splitlines()) == len(message_of(notice(reason="x"), URL).text().splitlines())
    assert message.link.startswith("https://results.example.org/results/")
    assert message.link.count("/") == 4
    assert read_message(message.stored()) == message
