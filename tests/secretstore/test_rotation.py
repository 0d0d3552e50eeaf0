"""What is rotated, and who has to take notice."""

from __future__ import annotations

import pytest

from medpattern.errors import UsageError
from medpattern.secretstore.format import SecretName, VaultPath
from medpattern.secretstore.rotation import notices, rotation
from tests.secretstore.clusters import ward
from tests.secretstore.texts import PLANTED, PREFIX, entry, parsed

G = "onMissingValue: generate, vaultPolicy: validatedPatternDefaultPolicy"
FILE = parsed(
    entry(f"- {{name: user, value: mailer}}\n- {{name: password, {G}}}\n- {{name: to.ken, {G}}}\n")
    + entry(f"- {{name: a, value: {PLANTED}}}\n", "smtp.relay")
)
SMTP = VaultPath("secret", f"{PREFIX}/smtp")


def test_a_secret_means_its_generated_fields_and_a_field_itself() -> None:
    assert rotation(FILE, "smtp").fields == ("password", "to.ken")
    assert rotation(FILE, "smtp.to.ken").renewed == {("smtp", "to.ken")}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("smpt", "no secret 'smpt'; did you mean 'smtp'"),
        ("smtp.pasword", "no field 'pasword'; did you mean 'password'"),
        ("smtp.user", "is not generated"),
        ("smtp.relay", "is not generated"),
    ],
)
def test_what_cannot_be_rotated_says_why(name: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        rotation(FILE, name)


def test_copies_and_readers_take_notice_each_in_its_way() -> None:
    told = [(one.who, one.what, one.command) for one in notices(ward(), rotation(FILE, "smtp.password"), [SMTP], [])]

    assert told == [
        ("ExternalSecret mail in ward", "takes it within 1h",
         "kubectl -n ward annotate externalsecret mail --overwrite force-sync=$(date +%s)"),
        ("Deployment notifier in ward", "reads it when it starts",
         "kubectl -n ward rollout restart deployment/notifier"),
    ]  # fmt: skip


def test_a_property_that_nobody_takes_concerns_nobody() -> None:
    assert notices(ward(), rotation(FILE, "smtp.to.ken"), [SMTP], []) == []


def test_readers_of_a_secret_of_the_cluster_take_notice() -> None:
    database = [SecretName("ward", "database")]

    told = [one.who for one in notices(ward(), rotation(FILE, "smtp"), [], database)]

    assert told == ["Deployment notifier in ward", "CronJob purge in ward"]


def test_the_other_side_of_a_webhook_has_to_be_given_its_new_secret() -> None:
    outside = {SecretName("ward", "smtp"): {"password": "Argo CD", "user": "Argo CD"}}

    told = notices(ward(), rotation(FILE, "smtp.password"), [], [SecretName("ward", "smtp")], outside)

    (one,) = [one for one in told if one.who == "Argo CD"]
    assert "the other side" in one.what
    assert one.command == "kubectl -n ward get secret smtp -o jsonpath='{.data.password}' | base64 -d"
