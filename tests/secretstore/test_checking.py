"""What is missing, weak and unused."""

from __future__ import annotations

from pathlib import Path

import pytest

from medpattern.findings import Severity
from medpattern.secretstore.checking import bits, findings
from medpattern.secretstore.passwords import DEFAULT_POLICY, read_policy
from medpattern.secretstore.plan import plan
from tests.secretstore.clusters import ward
from tests.secretstore.texts import BASIC, PLANTED, PREFIX, entry, parsed

DEFAULT = "vaultPolicy: validatedPatternDefaultPolicy"


def told(entries: str, top: str = "") -> list[str]:
    """Every finding of the file alone."""
    return [str(found) for found in findings(parsed(entries, top), [])]


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("{name: password, value: hunter2}", "is shorter than 12 characters"),
        ("{name: password, value: aaaaaaaaaaaaaaaabbbb}", "fewer than 5 different ones"),
        ("{name: password, value: MinioAdmin}", "is a word that is tried first"),
        ("{name: password, value: smtp}", "is a word that is tried first"),
        ("{name: client-secret, value: client-secret}", "is a word that is tried first"),
    ],
)
def test_a_value_that_is_easy_to_guess_is_weak(field: str, words: str) -> None:
    (found,) = told(entry(f"- {field}\n"))

    assert words in found
    assert found.startswith("secrets.yaml:6:10: error[secret-weak] smtp.")
    assert found.endswith("let it be generated: onMissingValue: generate")


@pytest.mark.parametrize("field", ["{name: user, value: a}", "{name: AWS_ACCESS_KEY_ID, value: abc}",
                                   "{name: ca.crt, value: x}", f"{{name: password, value: {PLANTED}}}",
                                   "{name: password, value: x, onMissingValue: prompt}"])  # fmt: skip
def test_names_and_good_passwords_are_not(field: str) -> None:
    assert told(entry(f"- {field}\n")) == []


def test_one_value_for_two_fields_is_weak_and_is_not_quoted() -> None:
    (found,) = told(entry(f"- {{name: a, value: {PLANTED}}}\n") + entry(f"- {{name: b, value: {PLANTED}}}\n", "other"))

    assert "other.b: is the same as smtp.a" in found
    assert PLANTED not in found


def test_a_password_policy_has_to_leave_enough_to_chance() -> None:
    policy = "vaultPolicies:\n  basicPolicy: |\n" + "".join(f"    {line}\n" for line in BASIC.splitlines())
    field = (
        f"- {{name: a, onMissingValue: generate, {DEFAULT}}}\n"
        "- {name: b, onMissingValue: generate, vaultPolicy: basicPolicy}\n"
    )

    (found,) = told(entry(field), policy)

    assert "smtp.b: its password policy leaves 54 bits to chance, fewer than 64" in found
    assert bits(DEFAULT_POLICY) > 100
    assert bits(read_policy('length = 8 rule "charset" {charset="01"}')) == 8


def test_a_file_that_cannot_be_read_is_missing(tmp_path: Path) -> None:
    (found,) = told(entry(f"- {{name: ca.crt, path: {tmp_path}/none}}\n"))

    assert "[secret-missing] smtp.ca.crt: the file" in found


def test_what_a_cluster_reads_and_the_file_lacks_is_missing_with_the_nearest_name() -> None:
    file = parsed(entry(f"- {{name: user, value: a}}\n- {{name: passwort, value: {PLANTED}}}\n"))

    found = [str(one) for one in findings(file, [plan(ward(), file)])]

    assert found == [
        f"secrets.yaml: error[secret-missing] hospital: database.service: secret/{PREFIX}/database has no service, "
        "which ExternalSecret database in ward reads; add a secret 'database' with vaultPrefixes: "
        f"[{PREFIX}] and a field 'service'",
        f"secrets.yaml:3:5: error[secret-missing] hospital: smtp.password: secret/{PREFIX}/smtp has no password, "
        "which ExternalSecret mail in ward reads; did you mean 'passwort'?",
        "secrets.yaml:7:10: warning[secret-unused] smtp.passwort: nobody on hospital reads it; "
        "remove it, or correct its name",
    ]


def test_a_field_is_unused_if_no_cluster_reads_it() -> None:
    file = parsed(entry("- {name: user, value: a}\n"))
    reads = plan(ward(), file)
    reads_not = plan(ward().__class__("other"), file)

    def unused(*plans: object) -> list[str]:
        return [one.key for one in findings(file, plans) if one.severity is Severity.WARNING]  # type: ignore[arg-type]

    assert unused(reads, reads_not) == []
    assert unused(reads_not) == ["smtp.user"]
