"""Format 2.0 of the framework's secrets file: what it means, and every mistake with its place and cure."""

from __future__ import annotations

import traceback

import pytest

from medpattern.errors import InputError
from medpattern.secretstore.format import Backing, SecretName, Source, VaultPath
from medpattern.secretstore.parsing import read_secrets
from tests.secretstore.texts import PLANTED, PREFIX, entry, parsed, text

# The example of the framework's own README, shortened to one of each sort.
FRAMEWORK = """\
version: 2.0
backingStore: vault
vaultPolicies:
  basicPolicy: |
    length=10
    rule "charset" { charset = "abcdefghijklmnopqrstuvwxyz" min-chars = 1 }
    rule "charset" { charset = "0123456789" min-chars = 1 }
secrets:
  - name: config-demo
    vaultMount: secret
    vaultPrefixes:
    - region-one
    - snowflake.blueprints.rhecoeng.com
    fields:
    - name: secret
      onMissingValue: generate
      override: true
      vaultPolicy: basicPolicy
    - name: secretprompt
      value: null
      onMissingValue: prompt
      description: "Please specify the password for application ABC"
    - name: secretprompt2
      value: defaultvalue
      onMissingValue: prompt
    - name: ca_crt_b64
      path: ~/ca.crt
      base64: true
      onMissingValue: prompt
  - name: awsexample
    fields:
    - name: aws_access_key_id_test
      ini_file: ~/.aws/credentials
      ini_section: default
      ini_key: aws_access_key_id
"""


def test_the_frameworks_own_example_is_read() -> None:
    found = read_secrets("values-secret.yaml", FRAMEWORK.encode())

    demo, aws = found.entries
    assert found.backing is Backing.VAULT
    assert found.vault_paths(demo) == (
        VaultPath("secret", "region-one/config-demo"),
        VaultPath("secret", "snowflake.blueprints.rhecoeng.com/config-demo"),
    )
    assert found.vault_paths(aws) == (VaultPath("secret", "hub/awsexample"),)
    secret, prompt, default, file = demo.fields
    assert (secret.source, secret.override, secret.policy and secret.policy.length) == (Source.GENERATE, True, 10)
    assert (prompt.asks, prompt.value, prompt.prompt) == (True, None, "Please specify the password for application ABC")
    assert default.asks
    assert default.value is not None
    assert (file.source, file.file, file.base64) == (Source.PATH, "~/ca.crt", True)
    ini = aws.fields[0]
    assert (ini.file, ini.ini_section, ini.ini_key) == ("~/.aws/credentials", "default", "aws_access_key_id")


def test_secrets_of_kubernetes_go_to_one_namespace_or_to_those_that_they_name() -> None:
    named = entry("- {name: ca.crt, path: ca.pem}\n", "vault-ca", "targetNamespaces: [secret-store]\n")

    one = parsed(named)
    other = parsed(named, "backingStore: kubernetes\nsecretStoreNamespace: kept\n")

    assert one.kubernetes_secrets(one.entries[0]) == (SecretName("secret-store", "vault-ca"),)
    assert one.vault_paths(one.entries[0])
    assert other.kubernetes_secrets(other.entries[0]) == (SecretName("kept", "vault-ca"),)
    assert other.vault_paths(other.entries[0]) == ()


def test_labels_of_the_file_are_those_of_entries_without_their_own() -> None:
    found = parsed(
        entry("- {name: a, value: something}\n", "one")
        + entry("- {name: a, value: something}\n", "two", "labels: {tier: 3}\n"),
        "defaultLabels: {team: radiology, audited: true}\n",
    )

    assert [dict(one.labels) for one in found.entries] == [{"team": "radiology", "audited": "true"}, {"tier": "3"}]


def test_an_entry_for_bootstrap_alone_is_not_in_vault() -> None:
    early = entry("- {name: ca.crt, path: ca.pem}\n", "vault-ca", "bootstrap: only\ntargetNamespaces: [secret-store]\n")

    found = parsed(early)

    assert found.vault_paths(found.entries[0]) == ()
    assert found.kubernetes_secrets(found.entries[0]) == (SecretName("secret-store", "vault-ca"),)


GENERATED = "onMissingValue: generate, vaultPolicy: validatedPatternDefaultPolicy"


@pytest.mark.parametrize(
    ("fields", "code", "place", "words"),
    [
        ("- {name: a}\n", "secret-source", "6:9", "says nowhere what its value is; give one of value, path"),
        (f"- {{name: a, value: {PLANTED}, path: x}}\n", "secret-source", "6:9", "has value and path; give one"),
        ("- {name: a, value: null}\n", "secret-source", "6:19", "the value is empty; fill in value"),
        (f"- {{name: a, value: {PLANTED}, {GENERATED}}}\n", "secret-source", "6:19", "is to be generated, and has a"),
        (f"- {{name: a, value: {PLANTED}, override: true}}\n", "secret-source", "6:44", "override is for generated"),
        ("- {name: a, onMissingValue: generate}\n", "missing-key", "6:9", "'vaultPolicy' is missing; add vaultPolicy"),
        (
            "- {name: a, onMissingValue: generate, vaultPolicy: validatedPatternDefaultPolcy}\n",
            "secret-policy", "6:45", "no password policy of this name; did you mean 'validatedPatternDefaultPolicy'?",
        ),
        ("- {name: a, ini_file: x}\n", "missing-key", "6:9", "'ini_key' is missing"),
        ("- {name: a, ini_file: x, ini_key: k, onMissingValue: prompt}\n", "secret-source", "6:9", "not for an ini"),
        ("- {name: a, onMissingValue: prompt}\n", "secret-source", "6:9", "says nowhere"),
        ("- {name: a, value: 20261121}\n", "wrong-type", "6:19", "found integer; quote it"),
        ("- {name: a, valeu: x}\n", "unknown-key", "6:19", "unknown key 'valeu'; did you mean 'value'?"),
        ("- {value: x}\n", "missing-key", "6:9", "the key 'name' is missing"),
        ("- {name: a, value: x, onMissingValue: genrate}\n", "not-allowed", "6:29", "did you mean 'generate'?"),
        ("- {name: a, value: x1}\n- {name: a, value: x2}\n", "duplicate-name", "7:10", "a second field of this name"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_field_is_told_with_its_place_and_cure(fields: str, code: str, place: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        parsed(entry(fields))

    (found,) = caught.value.findings
    assert (found.code, str(found.place)) == (code, f"secrets.yaml:{place}")
    assert words in str(found)


@pytest.mark.parametrize(
    ("entries", "top", "code", "words"),
    [
        (entry("- {name: a, value: x}\n", "two words"), "", "name", "is no path of a store"),
        (entry("- {name: a, value: x}\n", "../keys"), "", "name", "is no path of a store"),
        (entry("- {name: a, value: x}\n", "UPPER", "targetNamespaces: [a]\n"), "", "name", "is no name of a Secret"),
        (entry("- {name: 'a b', value: x}\n"), "backingStore: kubernetes\n", "name", "is no key of a Secret"),
        (entry("- {name: a, value: x}\n"), "backingStore: none\n", "missing-key", "add targetNamespaces"),
        (entry("- {name: a, value: x}\n", more="bootstrap: true\n"), "", "missing-key", "add targetNamespaces"),
        (entry("- {name: a, value: x}\n") * 2, "", "duplicate-name", "a second secret of this name"),
        (entry("[]\n"), "", "not-allowed", "fields"),
        (entry("- {name: a, value: x}\n"), "backingStore: vualt\n", "not-allowed", "did you mean 'vault'?"),
        (entry("- {name: a, value: x}\n"), "vaultPolicies: {p: 'length=10'}\n", "secret-policy", 'no rule "charset"'),
        (
            entry("- {name: a, value: x}\n", more="vaultPrefixs: [a]\n"),
            "",
            "unknown-key",
            "did you mean 'vaultPrefixes'",
        ),
    ],
)
def test_a_mistake_in_an_entry_or_above_is_told(entries: str, top: str, code: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        parsed(entries, top)

    assert code in {found.code for found in caught.value.findings}
    assert words in " ".join(map(str, caught.value.findings))
    assert all(found.place.line for found in caught.value.findings)


@pytest.mark.parametrize("version", ["version: 1.0\n", "", 'version: "2.1"\n'])
def test_another_format_is_refused_with_what_to_write(version: str) -> None:
    with pytest.raises(InputError) as caught:
        read_secrets("secrets.yaml", f"{version}secrets:\n  smtp:\n    password: {PLANTED}\n".encode())

    assert 'write version: "2.0"' in str(caught.value.findings[0])


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(InputError) as caught:
        parsed(entry("- {name: a}\n- {name: b, onMissingValue: generate}\n- {name: c, value: ''}\n"))

    assert [found.place.line for found in caught.value.findings] == [6, 7, 8]


@pytest.mark.parametrize(
    "content",
    [
        text(entry(f"- {{name: a, value: !{PLANTED}}}\n")),
        text(entry(f"- name: a\n  value: *{PLANTED}\n")),
        text(entry(f"- name: a\n  {PLANTED}: x\n")),
        text(entry(f"- name: a\n  value: x\n  {PLANTED}: {PLANTED}\n  {PLANTED}: {PLANTED}\n")),
        text(entry(f"- name: a\n  value: [{PLANTED}]\n")),
        text(entry(f"- name: a\n  value: x\n  onMissingValue: {PLANTED}\n")),
        text(entry(f"- name: a\n  value: x\n  base64: {PLANTED}\n")),
        text(entry(f"- name: a\n  value: '{PLANTED}\n")),
        text(entry(f"- name: a\n  value: {PLANTED}: {PLANTED}\n")),
        text(entry(f"- name: a\n  value: {PLANTED}\n  path: {PLANTED}\n")),
        text(entry(f"- name: a\n  value: {PLANTED}\n  onMissingValue: generate\n  vaultPolicy: none\n")),
        f"{PLANTED}\n",
        f"version: {PLANTED}\nsecrets: []\n",
        f"? [{PLANTED}]\n: x\n",
    ],
)
def test_no_mistake_shows_a_value_that_stands_in_the_file(content: str) -> None:
    with pytest.raises(InputError) as caught:
        read_secrets("secrets.yaml", content.encode())

    assert caught.value.findings
    whole = "".join(traceback.format_exception(caught.value)) + "".join(map(repr, caught.value.findings))
    assert PLANTED not in whole


def test_what_was_read_shows_no_value() -> None:
    found = parsed(entry(f"- {{name: a, value: {PLANTED}}}\n"))

    value = found.entries[0].fields[0].value
    assert value is not None
    assert value.text() == PLANTED
    assert PLANTED not in repr(found)
    assert PREFIX in repr(found)
