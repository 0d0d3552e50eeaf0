"""Who asks, and what they may: from the claims of an access token that has been verified."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from medpattern.pipeline.reports.verdicts import LONGEST_READER


class Role(StrEnum):
    """What the results API tells apart; each of the last two may also do what the first may."""

    VIEWER = "viewer"
    READER = "reader"
    IDENTIFIER = "identifier"


@dataclass(frozen=True, slots=True)
class RoleNames:
    """Where a token says its roles (a JSON pointer, RFC 6901), and what the provider calls ours."""

    claim: str = "/realm_access/roles"
    viewer: str = "viewer"
    reader: str = "reader"
    identifier: str = "identifier"

    def of(self, claims: Mapping[str, Any]) -> frozenset[Role]:
        """The roles that the claims give."""
        held = _at(claims, self.claim)
        words = {held} if isinstance(held, str) else {word for word in held if isinstance(word, str)} if held else set()
        named = {Role.VIEWER: self.viewer, Role.READER: self.reader, Role.IDENTIFIER: self.identifier}
        found = {role for role, name in named.items() if name in words}
        return frozenset(found | {Role.VIEWER} if found else found)


def _at(claims: Mapping[str, Any], pointer: str) -> Any:
    found: Any = claims
    for part in pointer.split("/")[1:]:
        found = found.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(found, Mapping) else None
    return found if isinstance(found, str | list) else None


@dataclass(frozen=True, slots=True)
class User:
    """`subject` is what the provider never gives to anybody else; `name` is what colleagues read."""

    subject: str
    name: str
    roles: frozenset[Role]

    @property
    def who(self) -> str:
        """For the audit: it stays true when a name is given to somebody else."""
        return self.subject if self.name == self.subject else f"{self.subject} {self.name}"


def user_of(claims: Mapping[str, Any], names: RoleNames) -> User | None:
    """The user of an access token; None where its subject or name cannot be written down."""
    subject = claims.get("sub")
    name = claims.get("preferred_username") or subject
    for text in (subject, name):
        if not isinstance(text, str) or not text.strip() or len(text) > LONGEST_READER or not text.isprintable():
            return None
    return User(str(subject), str(name), names.of(claims))
