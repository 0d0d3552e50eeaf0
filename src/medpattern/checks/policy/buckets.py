"""Buckets that everybody may read, and users of an object store that may administer it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from medpattern.checks.manifests import Manifest
from medpattern.checks.policy.reading import map_at, remembered, texts, word
from medpattern.checks.rules import Breach, Platform, Rule

_ACL = re.compile(r"\b(public-read(?:-write)?|authenticated-read)\b|groups/global/(AllUsers|AuthenticatedUsers)")
_CLIENT = re.compile(r"\bmc\s+(?:anonymous|policy)\s+set(?:-json)?\s+(?:public|download|upload)\b")
_EVERYBODY = re.compile(r"""["']?Principal["']?\s*:\s*(?:["']\*["']|\{\s*["']?AWS["']?\s*:\s*\[?[^\]}]*["']\*["'])""")
_ALLOW = re.compile(r"""["']?Effect["']?\s*:\s*["']?Allow\b""")
_CONDITION = re.compile(r"""["']?Condition["']?\s*:""")
_USER = frozenset({("ceph.rook.io", "CephObjectStoreUser")})


def public_buckets(manifest: Manifest, _platform: Platform) -> Iterator[Breach]:
    """Bucket policies and ACLs that grant everybody, wherever they stand: claims, settings, scripts, arguments."""
    for text in texts(manifest):
        told = _public(text.text)
        if told:
            cure = "name the users that need it; for people outside, a pre-signed URL that expires"
            yield Breach(text.path, f"{told}: everybody may fetch the images", cure)


@remembered
def _public(text: str) -> str:
    found = _ACL.search(text) or _CLIENT.search(text)
    if found:
        return f"'{found[0]}'"
    policies = text.replace('\\"', '"')
    for match in _EVERYBODY.finditer(policies):
        statement = _statement(policies, match.start())
        if _ALLOW.search(statement) and not _CONDITION.search(statement):
            return "a bucket policy allows the principal '*'"
    return ""


def _statement(text: str, position: int) -> str:
    """The innermost braces around `position`; the whole text if there are none."""
    start, end = _brace(text, position, -1), _brace(text, position, 1)
    return text[start : end + 1] if start >= 0 and end >= 0 else text


def _brace(text: str, position: int, step: int) -> int:
    """Where the braces around `position` open (`step` -1) or close (1); -1 if they do not."""
    opening, closing = ("{", "}") if step > 0 else ("}", "{")
    depth = 0
    while 0 <= position < len(text):
        if text[position] == opening:
            depth += 1
        elif text[position] == closing:
            if not depth:
                return position
            depth -= 1
        position += step
    return -1


def store_administrators(manifest: Manifest, _platform: Platform) -> Iterator[Breach]:
    """Users of Ceph's object store that may change users, buckets or quotas of others."""
    for name, granted in map_at(manifest.data, "spec", "capabilities").items():
        if "*" in word(granted) or "write" in word(granted):
            message = f"may administer the object store ('{name}: {granted}'), beyond its own buckets"
            cure = "leave capabilities out: bucket policies say what a user may do with images"
            yield Breach(("spec", "capabilities", name), message, cure)


RULES = (
    Rule("public-bucket", public_buckets),
    Rule("object-store-admin", store_administrators, _USER),
)
