"""The webhook's secret: what argocd-secret gets of it, and what is told where it is not there."""

from __future__ import annotations

import base64

import pytest

from medpattern.argocd.webhook import KEYS, SECRET, SETTINGS
from medpattern.checks.manifests import Inventory
from medpattern.cluster.bootstrap import steps, webhook
from medpattern.cluster.bootstrap.intent import Wanted
from medpattern.cluster.connection import MANAGER, WEBHOOK_MANAGER, Object
from medpattern.cluster.preflight import accepted, problems
from medpattern.fleet.facts import Facts
from medpattern.secretstore.parsing import read_secrets
from tests.cluster.standin import StandIn, thing

PART = {"app.kubernetes.io/part-of": "argocd"}


def secret(labels: dict[str, str] | None = None, **data: str) -> Object:
    """The webhook's Secret, with the label unless another is given."""
    content = {key: base64.b64encode(text.encode()).decode() for key, text in data.items()}
    return thing("Secret", SECRET, "argocd", metadata={"labels": PART if labels is None else labels}, data=content)


class Recorder(StandIn):
    """Remembers what was applied: its name, by whom, and whether with keys."""

    applied: list[tuple[str, str, bool]]

    def apply(
        self, thing: Object, *, dry_run: bool = False, force: bool = False, field_manager: str = MANAGER
    ) -> Object:
        self.applied = [*getattr(self, "applied", ()), (thing["metadata"]["name"], field_manager, "data" in thing)]
        return thing


def settings(*managers: str) -> Object:
    """argocd-secret with fields of some managers."""
    rows = [{"manager": name, "operation": "Apply"} for name in managers]
    return thing("Secret", SETTINGS, "argocd", metadata={"labels": PART, "managedFields": rows})


def wanted(provider: str, file: str = "") -> Wanted:
    """What a cluster is to get, with the secrets file of this text."""
    facts = Facts(name="west", group="ward", distribution="kubernetes", argocd_namespace="argocd")
    secrets = read_secrets("values-secret.yaml", file.encode()) if file else None
    known = Inventory("west", ())
    return Wanted(facts, known, None, None, "rendered", secrets=secrets, webhook=provider)  # type: ignore[arg-type]


FILE = """\
version: "2.0"
backingStore: none
secrets:
  - name: medpattern-webhook
    targetNamespaces: [{namespace}]
    labels: {{{labels}}}
    fields:
      - {{name: {field}, onMissingValue: generate, vaultPolicy: validatedPatternDefaultPolicy}}
"""


def file(namespace: str = "argocd", labels: str = "app.kubernetes.io/part-of: argocd", field: str = "secret") -> str:
    return FILE.format(namespace=namespace, labels=labels, field=field)


# ---- what is applied ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("provider", sorted(KEYS))
def test_argocd_secret_gets_references_and_no_secret(provider: str) -> None:
    made = webhook.change(StandIn(), "argocd", provider, is_whole=True)

    assert made is not None
    assert (made["metadata"]["name"], made["metadata"]["namespace"]) == ("argocd-secret", "argocd")
    texts = {key: base64.b64decode(text).decode() for key, text in made["data"].items()}
    assert all(key.startswith(f"webhook.{provider}.") for key in texts)
    assert all(text.startswith("$medpattern-webhook:") for text in texts.values())
    assert {text.partition(":")[2] for text in texts.values()} == set(KEYS[provider].values())


def test_an_argo_cd_without_a_webhook_is_left_alone() -> None:
    assert webhook.change(StandIn([settings("argocd-server")]), "argocd", "", is_whole=False) is None


@pytest.mark.parametrize("provider", ["", "github"])
def test_keys_that_a_secrets_file_has_written_are_not_the_webhooks(provider: str) -> None:
    """Such as oidc.clientSecret, which Argo CD wants in argocd-secret: `secrets load` writes it as "medpattern"."""
    server = StandIn([settings("argocd-server", MANAGER)])

    assert webhook.change(server, "argocd", provider, is_whole=False) is None


@pytest.mark.parametrize(("live", "owner"), [([secret(secret="s3")], ()), ([], (WEBHOOK_MANAGER,))])
def test_the_reference_is_written_and_taken_back_by_a_manager_that_owns_nothing_else(
    live: list[Object], owner: tuple[str, ...]
) -> None:
    """A manager gives up what it does not apply: as that of the secrets file it would take its keys along."""
    server = Recorder([settings(MANAGER, *owner), *live])
    told: list[steps.Applied] = []

    steps._set_up_webhook(wanted("github"), server, told.append)

    assert server.applied == [("argocd-secret", WEBHOOK_MANAGER, bool(live))]
    assert [one.thing for one in told] == ["Secret argocd-secret in argocd"]
    planned = steps.all_objects(wanted("github"), server, None)
    assert next(by for made, by in planned if made["metadata"]["name"] == SETTINGS) == WEBHOOK_MANAGER


@pytest.mark.parametrize(("provider", "is_whole"), [("", False), ("github", False)])
def test_a_reference_that_is_no_longer_wanted_or_leads_nowhere_is_taken_back(provider: str, is_whole: bool) -> None:
    """Argo CD would take a reference that leads nowhere for the secret itself."""
    server = StandIn([settings("argocd-server", WEBHOOK_MANAGER)])

    made = webhook.change(server, "argocd", provider, is_whole=is_whole)

    assert made is not None
    assert made["metadata"]["name"] == "argocd-secret"
    assert "data" not in made


# ---- what is told -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("live", "words"),
    [
        ([], "it is not there"),
        ([secret(labels={}, secret="s3")], "it lacks the label app.kubernetes.io/part-of: argocd"),
        ([secret(other="s3")], "it has no secret"),
        ([secret(secret=" \n")], "it has no secret"),
    ],
)
def test_a_webhook_without_its_secret_is_in_the_way(live: list[Object], words: str) -> None:
    (found,) = webhook.checks(StandIn(live), wanted("github"))

    assert found.name == "secrets"
    assert found.message.startswith("the webhook of github needs the Secret medpattern-webhook in argocd: ")
    assert found.message.endswith(words)
    assert "targetNamespaces [argocd]" in found.cure
    assert "take medpattern.argocd.webhook out of the values, or say --accept secrets" in found.cure


def test_what_the_cure_offers_lets_the_run_go_on_and_the_reference_is_taken_back() -> None:
    server = Recorder([settings(WEBHOOK_MANAGER)])

    assert problems(accepted(webhook.checks(server, wanted("github")), {"secrets"})) == ()
    assert list(webhook.checks(server, wanted(""))) == []
    for provider in ("github", ""):
        steps._set_up_webhook(wanted(provider), server, lambda _: None)
    assert server.applied == [("argocd-secret", WEBHOOK_MANAGER, False)] * 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (file(namespace="openbao"), "it is not there"),
        (file(labels="a: b"), "its entry in the secrets file lacks the label app.kubernetes.io/part-of: argocd"),
        (file(field="token"), "its entry in the secrets file has no field secret"),
    ],
)
def test_an_entry_that_would_not_do_is_told_before_it_is_written(text: str, words: str) -> None:
    (found,) = webhook.checks(StandIn(), wanted("github", text))

    assert found.message.endswith(words)


def test_each_key_that_a_provider_needs_is_named() -> None:
    (found,) = webhook.checks(StandIn([secret(username="hook")]), wanted("azuredevops"))

    assert found.message.endswith("it has no password")
    assert "the fields username, password" in found.cure


def test_a_secret_on_the_cluster_or_in_the_file_is_enough() -> None:
    assert list(webhook.checks(StandIn([secret(secret="s3")]), wanted("github"))) == []
    assert list(webhook.checks(StandIn(), wanted("github", file()))) == []
    assert list(webhook.checks(StandIn(), wanted(""))) == []


def test_secrets_that_may_not_be_read_are_for_the_check_of_rights() -> None:
    assert list(webhook.checks(StandIn(refused={"secrets"}), wanted("github"))) == []
