"""Reads the text of a secrets file: each mistake with its line and cure, and nothing of a secret in any."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any

from medpattern.documents.reader import Document, parse_file
from medpattern.documents.validation import Schema, Violation
from medpattern.errors import InputError
from medpattern.findings import Finding, KeyPath, did_you_mean, dotted, in_order
from medpattern.secretstore.format import (
    MOUNT,
    PREFIX,
    STORE_NAMESPACE,
    TYPE,
    Backing,
    Entry,
    Field,
    SecretsFile,
    Source,
)
from medpattern.secretstore.hidden import Hidden
from medpattern.secretstore.passwords import DEFAULT, DEFAULT_POLICY, PasswordPolicy, PolicyError, read_policy

_KEYWORD = re.compile(r"[A-Za-z_]{1,40}")
_VAULT_NAME = re.compile(r"[^\s/\\%?#*+]+(/[^\s/\\%?#*+]+)*")
_DNS_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_SECRET_KEY = re.compile(r"[A-Za-z0-9._-]{1,253}")
_EARLY = {True: "both", False: "", "yes": "both", "both": "both", "only": "only", "early": "only", "no": ""}
_QUOTE = "quote a value that begins with one of * & ! % @ ` | > [ { or holds ': ' or ' #'"


def read_secrets(file: str, content: bytes) -> SecretsFile:
    """The secrets file in `content`.

    Args:
        file: its name for people.
        content: its bytes, decrypted.

    Raises:
        InputError: all that is wrong with it. No finding quotes a value.
    """
    try:
        document = parse_file(file, content)
    except InputError as problem:
        found = [_without_quotes(one) for one in problem.findings]
    else:
        found = _form(document)
        if not found:
            return _Reading(document).secrets()
    # Not from the error above, which quotes the text.
    raise InputError(in_order(found))


@cache
def _schema() -> Schema:
    text = resources.files("medpattern.secretstore").joinpath("values-secret.schema.json").read_text("utf-8")
    return Schema(json.loads(text))


def _without_quotes(found: Finding) -> Finding:
    """A finding of the YAML reader without what it quotes: a secret may be taken for a tag, an alias or a key."""
    words = {
        "yaml-syntax": "this is not YAML",
        "yaml-tag": "a value that begins with '!' is taken for a tag",
        "yaml-key": "this cannot be a key",
        "duplicate-key": "this key stands here a second time",
    }.get(found.code, found.message)
    return Finding(found.code, words, found.place, "", _QUOTE if found.code in ("yaml-syntax", "yaml-tag") else "")


def _form(document: Document) -> list[Finding]:
    """What breaks the schema."""
    data = document.data
    version = data.get("version", "1.0") if isinstance(data, dict) else None
    if isinstance(data, dict) and version not in ("2.0", 2):
        cure = 'write version: "2.0", secrets as a list, and each secret\'s fields as a list (docs/secrets.md)'
        message = "this is not format 2.0 of the secrets file, which is the one that medpattern reads"
        return [Finding("not-allowed", message, document.place(("version",)), "version", cure)]
    return [_of_schema(document, one) for one in _schema().violations(data)]


def _of_schema(document: Document, one: Violation) -> Finding:
    """A violation without the value that it is about."""
    path, message, cure = one.path, one.message, one.cure
    if one.code == "unknown-key" and not _KEYWORD.fullmatch(str(path[-1])):
        path, message = path[:-1], "a key that is not known stands below"
    elif one.code == "wrong-type":
        message = re.sub(r"(found \w+).*", r"\1", message, flags=re.DOTALL)
        cure = "quote it" if cure.startswith("quote it") else cure
    elif one.code == "not-allowed":
        message = "is not allowed here" if message.startswith(('"', "must be")) else message
        message = "is not one of the allowed values" if cure.startswith(("did you", "known")) else message
    return Finding(one.code, message, document.place(one.path), dotted(path), cure)


class _Reading:
    """Reads a document that has the right form, and finds what the schema cannot say."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.data: dict[str, Any] = document.data
        self.findings: list[Finding] = []
        self.backing = Backing(self.data.get("backingStore", Backing.VAULT))

    def secrets(self) -> SecretsFile:
        policies = {DEFAULT: DEFAULT_POLICY, **dict(self._policies())}
        rows = list(enumerate(self.data.get("secrets") or ()))
        self._unique(("secrets",), (row["name"] for _, row in rows), "secret")
        entries = tuple(self._entry(("secrets", number), row, policies) for number, row in rows)
        if self.findings:
            raise InputError(in_order(self.findings))
        space = str(self.data.get("secretStoreNamespace", STORE_NAMESPACE))
        return SecretsFile(self.document.file, entries, policies, self.backing, space)

    def _report(self, code: str, message: str, path: KeyPath, cure: str = "") -> None:
        self.findings.append(Finding(code, message, self.document.place(path), dotted(path), cure))

    def _unique(self, path: KeyPath, names: Iterable[str], word: str) -> None:
        seen: set[str] = set()
        for number, name in enumerate(names):
            if name in seen:
                self._report("duplicate-name", f"a second {word} of this name", (*path, number, "name"), "rename one")
            seen.add(name)

    def _policies(self) -> Iterator[tuple[str, PasswordPolicy]]:
        """The policies of the file that can be read."""
        for name, text in (self.data.get("vaultPolicies") or {}).items():
            try:
                yield name, read_policy(text)
            except PolicyError as problem:
                cure = (
                    'write length = N, and for each set of characters rule "charset" { charset = "..." min-chars = 1 }'
                )
                self._report("secret-policy", str(problem), ("vaultPolicies", name), cure)

    def _entry(self, path: KeyPath, row: dict[str, Any], policies: Mapping[str, PasswordPolicy]) -> Entry:
        self._unique((*path, "fields"), (one["name"] for one in row["fields"]), "field")
        early = _EARLY[row.get("bootstrap", False)]
        entry = Entry(
            name=row["name"],
            fields=tuple(
                self._field((*path, "fields", number), one, policies) for number, one in enumerate(row["fields"])
            ),
            place=self.document.place((*path, "name")),
            mount=str(row.get("vaultMount", MOUNT)).strip("/"),
            prefixes=tuple(prefix.strip("/") for prefix in row.get("vaultPrefixes", [PREFIX])),
            type=row.get("type", TYPE),
            namespaces=tuple(row.get("targetNamespaces", ())),
            labels=_words(row.get("labels", self.data.get("defaultLabels", {}))),
            annotations=_words(row.get("annotations", self.data.get("defaultAnnotations", {}))),
            only_early=early == "only",
        )
        self._names(path, entry, is_early=bool(early))
        return entry

    def _names(self, path: KeyPath, entry: Entry, *, is_early: bool) -> None:
        needs = self.backing is Backing.NONE or (is_early and self.backing is Backing.VAULT)
        if needs and not entry.namespaces:
            self._report("missing-key", "says no namespace to go to", path, "add targetNamespaces: [NAMESPACE]")
        if self.backing is Backing.KUBERNETES or entry.namespaces:
            if not _DNS_NAME.fullmatch(entry.name):
                cure = "use lower-case letters, digits, '-' and '.', as Kubernetes asks for"
                self._report("name", "is no name of a Secret", (*path, "name"), cure)
            for number, one in enumerate(entry.fields):
                if not _SECRET_KEY.fullmatch(one.name):
                    at = (*path, "fields", number, "name")
                    self._report("name", "is no key of a Secret", at, "use letters, digits, '.', '_' and '-'")
        for key, names in (("name", [entry.name]), ("vaultMount", [entry.mount]), ("vaultPrefixes", entry.prefixes)):
            if any(not _VAULT_NAME.fullmatch(name) or ".." in name.split("/") for name in names):
                self._report("name", "is no path of a store", (*path, key), "use words joined by '/', without blanks")

    def _field(self, path: KeyPath, row: dict[str, Any], policies: Mapping[str, PasswordPolicy]) -> Field:
        mode = row.get("onMissingValue", "error")
        source = self._source(path, row, mode)
        if "override" in row and mode != "generate":
            cure = "remove it, or let the value be generated: onMissingValue: generate"
            self._report("secret-source", "override is for generated values", (*path, "override"), cure)
        return Field(
            name=row["name"],
            source=source,
            place=self.document.place((*path, "name")),
            asks=mode == "prompt",
            value=Hidden(row["value"]) if row.get("value") else None,
            file=str(row.get(source) or "") if source in (Source.PATH, Source.INI) else "",
            ini_section=str(row.get("ini_section") or "default"),
            ini_key=str(row.get("ini_key") or ""),
            policy=self._policy(path, row, policies) if source is Source.GENERATE else None,
            base64=row.get("base64", False),
            override=row.get("override", False),
            prompt=row.get("prompt", row.get("description", "")),
        )

    def _source(self, path: KeyPath, row: dict[str, Any], mode: str) -> Source:
        """Where the value comes from, and what is wrong with that."""
        given = [source for source in (Source.VALUE, Source.PATH, Source.INI) if source in row]
        if mode == "generate":
            for source in given:
                if row[source] is not None:
                    cure = f"remove {source}, or set onMissingValue: error"
                    self._report("secret-source", f"is to be generated, and has a {source}", (*path, source), cure)
            return Source.GENERATE
        if len(given) != 1:
            found = f"has {' and '.join(given)}" if given else "says nowhere what its value is"
            self._report("secret-source", found, path, "give one of value, path and ini_file, or let it be generated")
            return given[0] if given else Source.VALUE
        source = given[0]
        if mode == "prompt" and source is Source.INI:
            cure = "set onMissingValue: error, or give value: null or path: null"
            self._report("secret-source", "a person is asked for a value or a path, not for an ini file", path, cure)
        if mode == "error" and not row[source]:
            cure = f"fill in {source}, or set onMissingValue: prompt or generate"
            self._report("secret-source", f"the {source} is empty", (*path, source), cure)
        if source is Source.INI and not row.get("ini_key"):
            self._report("missing-key", "the key 'ini_key' is missing", path, "say which key of the ini file it is")
        return source

    def _policy(
        self, path: KeyPath, row: dict[str, Any], policies: Mapping[str, PasswordPolicy]
    ) -> PasswordPolicy | None:
        name = row.get("vaultPolicy")
        if name is None:
            self._report("missing-key", "the key 'vaultPolicy' is missing", path, f"add vaultPolicy: {DEFAULT}")
        elif name not in policies and name not in (self.data.get("vaultPolicies") or {}):
            at = (*path, "vaultPolicy")
            self._report("secret-policy", "there is no password policy of this name", at, did_you_mean(name, policies))
        return policies.get(str(name))


def _words(data: Mapping[str, Any]) -> dict[str, str]:
    """Labels and annotations: numbers and booleans become text."""
    return {key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in data.items()}
