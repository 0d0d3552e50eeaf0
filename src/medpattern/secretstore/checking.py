"""What is wrong with a secrets file beyond its form: what clusters miss, what is weak, and what nobody reads."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence

from medpattern.findings import Finding, Place, Severity, did_you_mean, in_order
from medpattern.secretstore.format import Entry, Field, SecretsFile, Source
from medpattern.secretstore.passwords import PasswordPolicy
from medpattern.secretstore.plan import EntryRow, Plan
from medpattern.secretstore.values import unreadable

# A password that is tried against a server falls long before 64 bits; one whose hash was stolen should not either.
ENOUGH_BITS = 64
SHORTEST, FEWEST_SIGNS = 12, 5

# Last words of the names of fields that are no secrets of their own.
_PUBLIC = frozenset({
    "bucket", "ca", "cert", "crt", "endpoint", "host", "hostname", "id", "name", "port", "region", "server", "url",
    "user", "username",
})  # fmt: skip
# Values that are tried first.
_KNOWN = frozenset({
    "12345678", "123456789", "admin", "changeit", "changeme", "default", "letmein", "minio", "minio123", "minioadmin",
    "passw0rd", "password", "password1", "postgres", "qwerty", "redhat", "redhat123", "root", "secret", "test",
    "test123", "welcome", "welcome1", "xraylab", "xraylab123",
})  # fmt: skip


def findings(secrets: SecretsFile, plans: Sequence[Plan]) -> tuple[Finding, ...]:
    """Everything, in the order of the file; no finding quotes a value.

    Args:
        secrets: the file.
        plans: of the clusters that it is for; a field is unused if none of them reads it.
    """
    return in_order((*_missing(secrets, plans), *_weak(secrets), *_unused(secrets, plans)))


def bits(policy: PasswordPolicy) -> float:
    """How many bits of chance a password of a policy has at least: each character by its own rule, the rest by all."""
    every = len(set("".join(rule.charset for rule in policy.rules)))
    drawn = sum(rule.least * math.log2(len(rule.charset)) for rule in policy.rules)
    return drawn + (policy.length - sum(rule.least for rule in policy.rules)) * math.log2(every)


def _missing(secrets: SecretsFile, plans: Iterable[Plan]) -> Iterator[Finding]:
    by_path = {path: entry for entry in secrets.entries for path in secrets.vault_paths(entry)}
    for plan in plans:
        for row in plan.entries:
            if not row.is_there:
                yield _not_there(secrets, plan, row, by_path.get(row.path))
    for entry in secrets.entries:
        for one in entry.fields:
            if why := unreadable(one):
                yield Finding("secret-missing", why, one.place, f"{entry.name}.{one.name}")


def _not_there(secrets: SecretsFile, plan: Plan, row: EntryRow, entry: Entry | None) -> Finding:
    message = f"{row.path} has no {row.property}, which {row.readers[0]} reads"
    prefix, _, name = row.path.path.rpartition("/")
    if entry is None:
        cure = f"add a secret '{name}' with vaultPrefixes: [{prefix}] and a field '{row.property}'"
        place = Place(secrets.file)
    else:
        near = did_you_mean(row.property, [one.name for one in entry.fields])
        cure = near if near.startswith("did you") else f"add a field '{row.property}' to the secret '{name}'"
        place = entry.place
    return Finding("secret-missing", message, place, f"{name}.{row.property}", cure, clusters=(plan.cluster,))


def _weak(secrets: SecretsFile) -> Iterator[Finding]:
    seen: list[tuple[Field, str]] = []
    for entry in secrets.entries:
        for one in entry.fields:
            key = f"{entry.name}.{one.name}"
            for why, cure in _weaknesses(entry, one):
                yield Finding("secret-weak", why, one.place, key, cure)
            if one.value is None or _is_public(one.name):
                continue
            same = next((name for other, name in seen if other.value == one.value), "")
            if same:
                cure = "give each its own; whoever learns one has the other"
                yield Finding("secret-weak", f"is the same as {same}", one.place, key, cure)
            seen.append((one, key))


def _weaknesses(entry: Entry, one: Field) -> Iterator[tuple[str, str]]:
    """(why, cure)"""
    if one.policy is not None and one.source is Source.GENERATE:
        found = bits(one.policy)
        if found < ENOUGH_BITS:
            cure = "give its policy a greater length or more characters"
            yield f"its password policy leaves {found:.0f} bits to chance, fewer than {ENOUGH_BITS}", cure
    if one.value is None or one.asks or _is_public(one.name):
        return
    content = one.value.reveal()
    words = {entry.name.lower(), one.name.lower()} | _KNOWN
    cure = "let it be generated: onMissingValue: generate"
    if content.decode("utf-8", "replace").lower() in words:
        yield "is a word that is tried first", cure
    elif len(content) < SHORTEST or len(set(content)) < FEWEST_SIGNS:
        yield f"is shorter than {SHORTEST} characters, or has fewer than {FEWEST_SIGNS} different ones", cure


def _is_public(name: str) -> bool:
    return re.split(r"[-_.]", name.lower())[-1] in _PUBLIC


def _unused(secrets: SecretsFile, plans: Sequence[Plan]) -> Iterator[Finding]:
    if not plans:
        return
    unused = set.intersection(*(set(plan.unused) for plan in plans))
    clusters = ", ".join(plan.cluster for plan in plans)
    maybe = sorted({app for plan in plans for app in plan.unseen})
    for entry in secrets.entries:
        for one in entry.fields:
            key = f"{entry.name}.{one.name}"
            if key in unused:
                cure = f"remove it, unless {', '.join(maybe)} reads it" if maybe else "remove it, or correct its name"
                yield Finding("secret-unused", f"nobody on {clusters} reads it", one.place, key, cure, Severity.WARNING)
