"""Who writes and who reads each Secret, and what is missing or unused."""

from __future__ import annotations

from medpattern.checks.manifests import Unseen
from medpattern.secretstore.format import SecretName, VaultPath
from medpattern.secretstore.plan import Plan, SecretRow, Writer, plan
from tests.checks.wiring.clusters import NAMESPACE
from tests.secretstore.clusters import ward
from tests.secretstore.texts import PREFIX, entry, parsed

MAIL = "- {name: user, value: mailer}\n- {name: password, value: something}\n"
RELAY = f"- name: relay-ca\n  targetNamespaces: [{NAMESPACE}]\n  fields:\n    - {{name: ca.crt, path: ca.pem}}\n"


def row(found: Plan, name: str) -> SecretRow:
    """The row of a Secret."""
    return next(one for one in found.secrets if one.secret == SecretName(NAMESPACE, name))


def test_a_key_of_an_external_secret_names_its_entry_and_its_readers() -> None:
    mail = row(plan(ward(), None), "mail")

    assert (mail.writer, mail.maker) == (Writer.STORE, "ExternalSecret mail")
    assert [(one.key, one.sources, one.readers) for one in mail.keys] == [
        ("password", (f"secret/{PREFIX}/smtp password",), (f"Deployment notifier in {NAMESPACE}",)),
        ("user", (f"secret/{PREFIX}/smtp user",), (f"Deployment notifier in {NAMESPACE}",)),
    ]


def test_a_key_of_a_template_names_the_entries_that_it_is_made_of_and_whoever_reads_all_keys() -> None:
    (url,) = row(plan(ward(), None), "database").keys

    assert (url.key, url.sources) == ("url", (f"secret/{PREFIX}/database service",))
    assert url.readers == (f"Deployment notifier in {NAMESPACE}", f"CronJob purge in {NAMESPACE}")


def test_without_a_secrets_file_all_that_is_asked_for_is_missing() -> None:
    found = plan(ward(), None)

    assert found.missing == (
        f"secret/{PREFIX}/database service", f"secret/{PREFIX}/smtp password", f"secret/{PREFIX}/smtp user",
        f"Secret relay-ca in {NAMESPACE}",
    )  # fmt: skip
    assert found.unused == ()


def test_what_the_file_has_is_there_and_what_nobody_reads_is_unused() -> None:
    file = parsed(entry(MAIL + "- {name: port, value: '587'}\n") + entry("- {name: a, value: b}\n", "old") + RELAY)

    found = plan(ward(), file)

    assert found.missing == (f"secret/{PREFIX}/database service",)
    assert found.unused == ("smtp.port", "old.a")
    relay = row(found, "relay-ca")
    assert (relay.writer, relay.keys[0].sources) == (Writer.FILE, ("relay-ca.ca.crt",))
    assert relay.keys[0].readers == (f"Deployment notifier in {NAMESPACE}",)


def test_an_entry_below_another_prefix_is_not_the_one_that_is_asked_for() -> None:
    other = parsed(entry(MAIL).replace(PREFIX, "medical-diagnosis/hospital-2"))

    found = plan(ward(), other)

    assert f"secret/{PREFIX}/smtp password" in found.missing
    assert found.unused == ("smtp.user", "smtp.password")


ALL = """\
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: all}
spec:
  secretStoreRef: {kind: ClusterSecretStore, name: vault}
  dataFrom: [FROM]
"""


def test_who_takes_a_whole_entry_reads_every_field_of_it() -> None:
    file = parsed(entry("- {name: anything, value: x}\n", "old"))

    extract = plan(ward(ALL.replace("FROM", f"{{extract: {{key: {PREFIX}/old}}}}")), file)
    find = plan(ward(ALL.replace("FROM", f"{{find: {{path: {PREFIX}}}}}")), file)

    assert extract.unused == find.unused == ()
    (asked,) = (one for one in extract.entries if one.path == VaultPath("secret", f"{PREFIX}/old"))
    assert (asked.property, asked.is_there) == ("*", True)


MADE = """\
apiVersion: kafka.strimzi.io/v1
kind: KafkaUser
metadata: {name: reader}
spec: {authentication: {type: scram-sha-512}}
---
apiVersion: v1
kind: Secret
metadata: {name: empty}
"""


def test_secrets_of_operators_charts_and_the_site_say_so() -> None:
    found = plan(ward(MADE, given=[f"Secret/{NAMESPACE}/relay-ca"]), None)

    writers = {one.secret.name: one.writer for one in found.secrets}
    assert writers["reader"] is Writer.OPERATOR
    assert writers["empty"] is Writer.CHART
    assert writers["relay-ca"] is Writer.SITE
    assert found.unread == (f"Secret empty in {NAMESPACE}",)


def test_what_an_unseen_application_may_make_is_not_missing() -> None:
    found = plan(ward(unseen=[Unseen(NAMESPACE, frozenset({("", "Secret")}))]), None)

    assert row(found, "relay-ca").writer is Writer.UNKNOWN
    assert found.unseen == ("unseen-0",)


def test_the_secret_of_a_webhook_is_read_by_argo_cd_though_no_object_says_so() -> None:
    name = SecretName("argocd", "medpattern-webhook")
    outside = {name: {"secret": "Argo CD, for the webhook of github"}}
    fields = "    - {name: secret, onMissingValue: generate, vaultPolicy: validatedPatternDefaultPolicy}\n"
    file = parsed(f"- name: {name.name}\n  bootstrap: only\n  targetNamespaces: [argocd]\n  fields:\n{fields}")

    without, found = plan(ward(), None, outside), plan(ward(), file, outside)

    assert f"Secret {name.name} in argocd" in without.missing
    assert f"{name.name}.secret" not in found.unused
    (one,) = [row for row in found.secrets if row.secret == name]
    assert one.writer is Writer.FILE
    assert [(key.key, key.readers) for key in one.keys] == [("secret", ("Argo CD, for the webhook of github",))]
    assert plan(ward(), file).unused == (f"{name.name}.secret",)


def test_a_login_to_a_repository_is_read_by_argo_cd_which_finds_it_by_its_label() -> None:
    label = "  labels: {argocd.argoproj.io/secret-type: repository}\n"
    form = "- name: ours\n  bootstrap: only\n  targetNamespaces: [argocd]\n{}  fields:\n    - {{name: url, value: x}}\n"

    found, without = (plan(ward(), parsed(form.format(more))) for more in (label, ""))

    (one,) = [row for row in found.secrets if row.secret == SecretName("argocd", "ours")]
    assert [(key.key, key.readers) for key in one.keys] == [("url", ("Argo CD, as repository",))]
    assert (found.unused, without.unused) == ((), ("ours.url",))
