"""Settings of the environment: all that is wrong at once, by the variable's name, and no secret anywhere."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

import pytest

from medpattern.errors import UsageError
from medpattern.pipeline.settings import (
    Authentication,
    Environment,
    KafkaSettings,
    StoreSettings,
    read_database_url,
    read_keys,
)

SECRET = "a secret of the tests that is longer than thirty-two characters"


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


def problems(env: Environment) -> str:
    with pytest.raises(UsageError) as caught:
        env.check()
    return str(caught.value)


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    env = Environment({"NUMBER": "twelve", "FLAG": "maybe", "COLOUR": "green", "FILE": str(tmp_path / "none")})
    env.text("MISSING")
    env.integer("NUMBER", 1)
    env.flag("FLAG")
    env.choice("COLOUR", Colour.RED)
    env.file("FILE")
    env.secret("TOKEN")
    env.problem("and one more")
    told = problems(env)
    for name in ("MISSING", "NUMBER", "FLAG", "COLOUR", "FILE", "TOKEN_FILE", "and one more"):
        assert name in told
    assert "red, blue" in told


def test_variable_that_is_set_to_nothing_is_not_set() -> None:
    env = Environment({"TEXT": "", "NUMBER": "", "FLAG": "", "COLOUR": ""})
    assert env.text("TEXT", "default") == "default"
    assert env.integer("NUMBER", 7) == 7
    assert env.flag("FLAG", True) is True
    assert env.choice("COLOUR", Colour.BLUE) is Colour.BLUE
    env.check()


@pytest.mark.parametrize(("text", "right"), [("1", True), ("10", True), ("0", False), ("11", False), ("1.5", False),
                                             ("nan", False), ("", True)])  # fmt: skip
def test_numbers_are_within_their_bounds(text: str, right: bool) -> None:
    env = Environment({"NUMBER": text})
    found = env.integer("NUMBER", 5, 1, 10)
    assert 1 <= found <= 10
    if right:
        env.check()
    else:
        assert "NUMBER" in problems(env)


def test_lists_have_commas() -> None:
    assert Environment({"LIST": "a, b,,c "}).texts("LIST") == ("a", "b", "c")


def test_secret_is_read_from_its_file_before_the_variable(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{SECRET}\n", "utf-8")
    env = Environment({"TOKEN_FILE": str(tmp_path / "token"), "TOKEN": "another"})
    assert env.secret("TOKEN") == SECRET
    assert Environment({"TOKEN": "another"}).secret("TOKEN") == "another"


def test_unreadable_and_empty_secrets_are_told_without_their_content(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text(" \n", "utf-8")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    env = Environment(
        {
            "ONE_FILE": str(tmp_path / "empty"),
            "TWO_FILE": str(tmp_path / "binary"),
            "THREE_FILE": str(tmp_path / "none"),
            "FOUR": "too short",
        }
    )
    for name in ("ONE", "TWO", "THREE"):
        env.secret(name)
    env.key("FOUR")
    told = problems(env)
    for name in ("ONE_FILE", "TWO_FILE", "THREE_FILE", "FOUR_FILE", "openssl rand"):
        assert name in told
    assert "too short" not in told


def kafka(folder: Path, **more: str) -> tuple[KafkaSettings, Environment]:
    env = Environment(
        {"MEDPATTERN_KAFKA_BOOTSTRAP": "broker:9092", "MEDPATTERN_KAFKA_CREDENTIALS": str(folder), **more}
    )
    return KafkaSettings.read(env), env


def test_scram_reads_the_user_and_tls_names_the_files(tmp_path: Path) -> None:
    (tmp_path / "username").write_text("scorer\n", "utf-8")
    (tmp_path / "password").write_text(f"{SECRET}\n", "utf-8")
    scram, env = kafka(tmp_path, MEDPATTERN_KAFKA_AUTHENTICATION="scram-sha-512")
    env.check()
    assert (scram.username, scram.password) == ("scorer", SECRET)
    tls, env = kafka(tmp_path, MEDPATTERN_KAFKA_AUTHENTICATION="tls")
    env.check()
    assert tls.authentication is Authentication.TLS
    assert Path(tls.certificate).parent == Path(tls.private_key).parent == tmp_path
    assert tls.password == ""


def test_scram_without_its_files_is_told(tmp_path: Path) -> None:
    _, env = kafka(tmp_path, MEDPATTERN_KAFKA_AUTHENTICATION="scram-sha-512")
    assert "password cannot be read" in problems(env)


def test_several_source_buckets_may_be_named_and_outputs_left_out(tmp_path: Path) -> None:
    (tmp_path / "AWS_ACCESS_KEY_ID").write_text("id\n", "utf-8")
    (tmp_path / "AWS_SECRET_ACCESS_KEY").write_text(f"{SECRET}\n", "utf-8")
    env = Environment(
        {
            "MEDPATTERN_S3_ENDPOINT": "http://127.0.0.1:9000",
            "MEDPATTERN_SOURCE_BUCKET": "north, south",
            "MEDPATTERN_S3_CREDENTIALS": str(tmp_path),
        }
    )
    found = StoreSettings.read(env, outputs=False)
    env.check()
    assert found.sources == ("north", "south")
    assert (found.access_key, found.secret_key) == ("id", SECRET)
    StoreSettings.read(env)
    told = problems(env)
    assert "MEDPATTERN_PROCESSED_BUCKET" in told
    assert "MEDPATTERN_ANONYMISED_BUCKET" in told


def test_no_secret_is_in_any_repr(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(SECRET, "utf-8")
    key = str(tmp_path / "key")
    env = Environment({"MEDPATTERN_IDENTITY_KEY_FILE": key, "MEDPATTERN_PSEUDONYM_KEY_FILE": key})
    shown = [
        read_keys(env),
        StoreSettings("http://s3", "r", ("b",), "", "", "id", SECRET),
        KafkaSettings("broker:9092", Authentication.SCRAM, "scorer", SECRET),
    ]
    env.check()
    assert SECRET not in repr(shown)


def test_missing_keys_and_database_are_told() -> None:
    env = Environment({})
    assert read_keys(env) is None
    assert read_database_url(env) == ""
    told = problems(env)
    for name in ("MEDPATTERN_IDENTITY_KEY_FILE", "MEDPATTERN_PSEUDONYM_KEY_FILE", "MEDPATTERN_DATABASE_URL_FILE"):
        assert name in told
