"""Secrets of a cluster: what is the same is left alone, and a refusal comes before the first write."""

from __future__ import annotations

import pytest

from medpattern.errors import RemoteError
from medpattern.secretstore.kubernetes import Change, changes, write
from medpattern.secretstore.values import Values
from tests.secretstore.clusters import FakeCluster
from tests.secretstore.texts import PLANTED, parsed

ENTRIES = f"""\
- name: vault-ca
  targetNamespaces: [secret-store, ward]
  labels: {{team: radiology}}
  fields: [{{name: ca.crt, value: {PLANTED}}}]
- name: session
  targetNamespaces: [ward]
  fields: [{{name: key, onMissingValue: generate, vaultPolicy: validatedPatternDefaultPolicy}}]
"""


def loaded(cluster: FakeCluster, entries: str = ENTRIES, values: Values | None = None) -> list[Change]:
    """What was written."""
    return write(cluster, changes(cluster, parsed(entries), values or Values()))


def test_each_namespace_gets_its_secret_and_a_generated_value() -> None:
    cluster = FakeCluster(("secret-store", "ward"))

    done = loaded(cluster)

    assert [str(one.secret) for one in done] == [
        "Secret vault-ca in secret-store", "Secret vault-ca in ward", "Secret session in ward",
    ]  # fmt: skip
    assert cluster.text("ward", "vault-ca", "ca.crt") == PLANTED
    assert len(cluster.text("ward", "session", "key")) == 20
    labels = cluster.secrets["ward", "vault-ca"]["metadata"]["labels"]
    assert labels == {"app.kubernetes.io/managed-by": "medpattern", "team": "radiology"}
    assert PLANTED not in repr(done)


def test_a_second_time_nothing_is_written() -> None:
    cluster = FakeCluster(("secret-store", "ward"))
    loaded(cluster)
    before = dict(cluster.secrets)

    assert loaded(cluster) == []
    assert cluster.secrets == before


def test_only_what_differs_is_written_and_generated_values_stay() -> None:
    cluster = FakeCluster(("secret-store", "ward"))
    loaded(cluster)
    key = cluster.text("ward", "session", "key")

    done = loaded(cluster, ENTRIES.replace(PLANTED, "other").replace("radiology", "cardiology"))

    assert [(str(one.secret), one.keys) for one in done] == [
        ("Secret vault-ca in secret-store", ("ca.crt",)), ("Secret vault-ca in ward", ("ca.crt",)),
    ]  # fmt: skip
    assert cluster.text("ward", "session", "key") == key


def test_another_label_alone_is_written_too() -> None:
    cluster = FakeCluster(("secret-store", "ward"))
    loaded(cluster)

    done = loaded(cluster, ENTRIES.replace("radiology", "cardiology"))

    assert {one.keys for one in done} == {("labels",)}


def test_a_renewed_field_gets_another_value() -> None:
    cluster = FakeCluster(("secret-store", "ward"))
    loaded(cluster)
    key = cluster.text("ward", "session", "key")

    done = loaded(cluster, values=Values(renewed=frozenset({("session", "key")})))

    assert [str(one.secret) for one in done] == ["Secret session in ward"]
    assert cluster.text("ward", "session", "key") != key


def test_missing_namespaces_are_told_before_anything_is_written() -> None:
    cluster = FakeCluster(("ward",))

    with pytest.raises(RemoteError, match="no namespace secret-store; nothing was written"):
        loaded(cluster)
    assert not cluster.log


@pytest.mark.parametrize(("status", "cure"), [(403, "needs get, create and patch"), (409, "somebody else writes"),
                                              (422, "keeps its type"), (500, "nothing was written")])  # fmt: skip
def test_a_secret_that_is_refused_keeps_all_from_being_written(status: int, cure: str) -> None:
    cluster = FakeCluster(("secret-store", "ward"), {"session": status})

    with pytest.raises(RemoteError, match=f"Secret session in ward: .*{cure}") as caught:
        loaded(cluster)

    assert "nothing was written" in str(caught.value)
    assert not cluster.log


def test_a_cluster_that_goes_away_in_between_leaves_word_of_what_is_written() -> None:
    cluster = FakeCluster(("secret-store", "ward"))
    found = changes(cluster, parsed(ENTRIES), Values())
    applied = cluster.apply

    def apply(thing: dict[str, object], *, dry_run: bool = False, force: bool = False) -> dict[str, object]:
        if not dry_run and cluster.log:
            raise RemoteError("the cluster does not answer")
        return applied(thing, dry_run=dry_run, force=force)

    cluster.apply = apply  # type: ignore[method-assign, assignment]

    with pytest.raises(RemoteError, match="written before: Secret vault-ca in secret-store; the same command goes on"):
        write(cluster, found)
