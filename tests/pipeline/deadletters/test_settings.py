"""Settings: all that is wrong at once, no secret repeated."""

from __future__ import annotations

from pathlib import Path

import pytest

from medpattern.errors import UsageError
from medpattern.pipeline.deadletters.sealing import Seal, SealBroken
from medpattern.pipeline.deadletters.settings import ReplaySettings, SinkSettings
from medpattern.pipeline.settings import Environment


def key(tmp_path: Path, name: str, text: str = "") -> str:
    path = tmp_path / name
    path.write_text(text or name * 40)
    return str(path)


def variables(tmp_path: Path, **more: str) -> dict[str, str]:
    return {
        "MEDPATTERN_KAFKA_BOOTSTRAP": "127.0.0.1:9092",
        "MEDPATTERN_DEAD_LETTERS_TOPIC": "dead-letters",
        "MEDPATTERN_SOURCE_BUCKET": "xrays, more-xrays",
        "MEDPATTERN_INPUT_TOPIC": "images",
        "MEDPATTERN_IDENTITY_KEY_FILE": key(tmp_path, "identity"),
        "MEDPATTERN_PSEUDONYM_KEY_FILE": key(tmp_path, "pseudonym"),
        "MEDPATTERN_DEAD_LETTER_KEY_FILE": key(tmp_path, "seal"),
        "MEDPATTERN_DATABASE_URL_FILE": key(tmp_path, "url", "sqlite:///x"),
    } | more


def test_the_sinks_settings(tmp_path: Path) -> None:
    found = SinkSettings.read(Environment(variables(tmp_path)))
    assert found.maker.sources == {"xrays", "more-xrays"}
    assert found.maker.keys.identity == b"identity" * 40
    assert "seal" * 40 not in repr(found)
    without = variables(tmp_path)
    del without["MEDPATTERN_DATABASE_URL_FILE"]
    assert SinkSettings.read(Environment(without)).database_url == ""


def test_all_that_is_missing_is_said_at_once() -> None:
    with pytest.raises(UsageError) as refused:
        SinkSettings.read(Environment({}))
    for name in ("KAFKA_BOOTSTRAP", "DEAD_LETTERS_TOPIC", "SOURCE_BUCKET", "IDENTITY_KEY_FILE", "PSEUDONYM_KEY_FILE",
                 "DEAD_LETTER_KEY_FILE"):  # fmt: skip
        assert f"MEDPATTERN_{name}" in str(refused.value)
    with pytest.raises(UsageError, match="MEDPATTERN_INPUT_TOPIC"):
        ReplaySettings.read(Environment({}))


def test_a_former_key_only_opens(tmp_path: Path) -> None:
    former = key(tmp_path, "former")
    found = ReplaySettings.read(Environment(variables(tmp_path, MEDPATTERN_DEAD_LETTER_KEY_PREVIOUS_FILE=former)))
    old = Seal((Path(former).read_bytes(),))
    assert found.seal.open(old.close(b"x", "id"), "id") == b"x"
    with pytest.raises(SealBroken):
        old.open(found.seal.close(b"x", "id"), "id")


def test_a_short_former_key_is_refused(tmp_path: Path) -> None:
    short = key(tmp_path, "short", "too short")
    with pytest.raises(UsageError, match="PREVIOUS_FILE") as refused:
        ReplaySettings.read(Environment(variables(tmp_path, MEDPATTERN_DEAD_LETTER_KEY_PREVIOUS_FILE=short)))
    assert "too short" not in str(refused.value)


def test_the_first_topic_is_where_events_go(tmp_path: Path) -> None:
    assert ReplaySettings.read(Environment(variables(tmp_path))).topics == ("images",)
    more = variables(tmp_path, MEDPATTERN_BACKFILL_TOPIC="backfill")
    assert ReplaySettings.read(Environment(more)).topics == ("images", "backfill")
