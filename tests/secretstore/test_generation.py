"""A file whose generated fields have values."""

from __future__ import annotations

from medpattern.secretstore.format import SecretsFile, Source
from medpattern.secretstore.generation import fill
from medpattern.secretstore.hidden import Hidden
from medpattern.secretstore.parsing import read_secrets
from tests.secretstore.texts import BASIC, PLANTED, entry, text

TOP = "vaultPolicies:\n  basicPolicy: |\n" + "".join(f"    {line}\n" for line in BASIC.splitlines())
FILE = text(
    entry("- {name: a, onMissingValue: generate, vaultPolicy: basicPolicy}\n"
          "- {name: b, onMissingValue: generate, vaultPolicy: basicPolicy, override: true, base64: true}\n"
          f"- {{name: c, value: {PLANTED}}}\n- {{name: d, path: null, onMissingValue: prompt}}\n"), TOP,
).encode()  # fmt: skip


def read(content: bytes) -> SecretsFile:
    return read_secrets("secrets.yaml", content)


def values(file: SecretsFile) -> list[Hidden | None]:
    return [one.value for one in file.entries[0].fields]


def test_generated_fields_get_values_by_their_policy_and_the_rest_stays() -> None:
    filled = fill(FILE, read(FILE))

    found = read(filled.content.reveal())
    a, b, c, d = found.entries[0].fields
    for one in (a, b):
        assert one.source is Source.VALUE
        assert one.value is not None
        assert found.policies["basicPolicy"].accepts(one.value.text())
    assert a.value != b.value
    assert b.base64
    assert c.value == Hidden(PLANTED)
    assert (d.source, d.asks) == (Source.PATH, True)
    assert (filled.made, filled.kept) == (("smtp.a", "smtp.b"), ())


def test_what_was_filled_before_is_kept_unless_it_is_to_be_overridden() -> None:
    first = read(fill(FILE, read(FILE)).content.reveal())

    again = fill(FILE, read(FILE), first)

    second = values(read(again.content.reveal()))
    assert second[0] == values(first)[0]
    assert second[1] != values(first)[1]
    assert (again.made, again.kept) == (("smtp.b",), ("smtp.a",))


def test_what_is_told_of_it_shows_no_value() -> None:
    filled = fill(FILE, read(FILE))

    assert PLANTED not in repr(filled)
