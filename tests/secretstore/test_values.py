"""Where the value of a field comes from."""

from __future__ import annotations

import base64
import traceback
from pathlib import Path

import pytest

from medpattern.errors import InputError, UsageError
from medpattern.secretstore.format import SecretsFile
from medpattern.secretstore.hidden import Hidden
from medpattern.secretstore.values import Values, ask_person
from tests.secretstore.texts import PLANTED, entry, parsed

GENERATED = "{name: a, onMissingValue: generate, vaultPolicy: validatedPatternDefaultPolicy"


def value(secrets: SecretsFile, values: Values | None = None) -> Hidden | None:
    """That of the first field."""
    return (values or Values()).of(secrets.entries[0], secrets.entries[0].fields[0])


def answers(*typed: str) -> tuple[Values, list[str]]:
    """A person that types these, and what they were asked."""
    rest, asked = list(typed), []

    def ask(prompt: str) -> str:
        asked.append(prompt)
        return rest.pop(0)

    return Values(ask), asked


def test_a_value_is_taken_as_it_stands_or_as_base64() -> None:
    assert value(parsed(entry(f"- {{name: a, value: {PLANTED}}}\n"))) == Hidden(PLANTED)
    encoded = Hidden(base64.b64encode(PLANTED.encode()))
    assert value(parsed(entry(f"- {{name: a, value: {PLANTED}, base64: true}}\n"))) == encoded


def test_a_file_is_taken_byte_by_byte(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(b"\xff\nline\n")

    assert value(parsed(entry(f"- {{name: a, path: {tmp_path}/ca.pem}}\n"))) == Hidden(b"\xff\nline\n")


def test_a_key_of_an_ini_file_is_taken_with_its_percent_signs(tmp_path: Path) -> None:
    (tmp_path / "credentials").write_text("[default]\naws = one\n[xray]\naws = 100%%d%\n")
    field = f"- {{name: a, ini_file: {tmp_path}/credentials, ini_key: aws"

    assert value(parsed(entry(f"{field}}}\n"))) == Hidden("one")
    assert value(parsed(entry(f"{field}, ini_section: xray}}\n"))) == Hidden("100%%d%")


def test_a_person_is_asked_once_and_may_leave_what_the_file_says() -> None:
    values, asked = answers("typed", "")
    secrets = parsed(
        entry(f"- {{name: a, value: {PLANTED}, onMissingValue: prompt, prompt: Password of the relay}}\n"
              f"- {{name: b, value: {PLANTED}, onMissingValue: prompt}}\n")
    )  # fmt: skip
    first, second = secrets.entries[0].fields

    found = [values.of(secrets.entries[0], one) for one in (first, first, second)]

    assert found == [Hidden("typed"), Hidden("typed"), Hidden(PLANTED)]
    assert len(asked) == 2
    assert asked[0].startswith("Password of the relay")
    assert PLANTED not in " ".join(asked)


def test_a_person_may_be_asked_for_a_file(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("CA")
    values, asked = answers(f"{tmp_path}/ca.pem")

    assert value(parsed(entry("- {name: a, path: null, onMissingValue: prompt}\n")), values) == Hidden("CA")
    assert asked == ["smtp.a (file)"]


def test_every_value_that_cannot_be_had_is_told_at_once_and_quotes_nothing(tmp_path: Path) -> None:
    (tmp_path / "odd.ini").write_text(f"{PLANTED}\n")
    (tmp_path / "good.ini").write_text(f"[default]\nother = {PLANTED}\n")
    (tmp_path / "empty").touch()
    secrets = parsed(
        entry(f"- {{name: a, path: {tmp_path}/none}}\n- {{name: b, path: {tmp_path}/empty}}\n"
              f"- {{name: c, ini_file: {tmp_path}/odd.ini, ini_key: k}}\n"
              f"- {{name: d, ini_file: {tmp_path}/good.ini, ini_key: k}}\n"
              "- {name: e, value: null, onMissingValue: prompt}\n")
    )  # fmt: skip
    values, _ = answers("")

    with pytest.raises(InputError) as caught:
        values.read(secrets, secrets.entries)

    told = [str(found) for found in caught.value.findings]
    assert [found.key for found in caught.value.findings] == [f"smtp.{name}" for name in "abcde"]
    for words, line in zip(
        ("No such file", "is empty", "is no ini file", "nothing at the key k in [default]", "nothing was typed"), told,
        strict=True,
    ):  # fmt: skip
        assert words in line
    assert PLANTED not in "".join(traceback.format_exception(caught.value)) + "".join(told)


def test_a_generated_value_is_kept_unless_it_says_override_or_is_renewed() -> None:
    kept, overridden = (parsed(entry(f"- {GENERATED}{more}}}\n")) for more in ("", ", override: true"))
    there = Hidden(PLANTED)
    field = kept.entries[0].fields[0]

    assert Values().final(kept.entries[0], field, there) == there
    assert Values(renewed=frozenset({("smtp", "other")})).final(kept.entries[0], field, there) == there
    for new in (
        Values().final(kept.entries[0], field, None),
        Values(renewed=frozenset({("smtp", "a")})).final(kept.entries[0], field, there),
        Values().final(overridden.entries[0], overridden.entries[0].fields[0], there),
    ):
        assert new != there
        assert len(new) == 20


def test_nobody_is_asked_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", open("/dev/null"))  # noqa: SIM115, PTH123

    with pytest.raises(UsageError, match="there is no terminal; put the value into the secrets file"):
        ask_person("smtp.password")
