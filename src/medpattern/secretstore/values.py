"""The values of fields: from the secrets file itself, from files that it names, or from a person."""

from __future__ import annotations

import base64
import configparser
import getpass
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from medpattern.errors import InputError, UsageError
from medpattern.findings import Finding, in_order
from medpattern.secretstore.format import Entry, Field, SecretsFile, Source
from medpattern.secretstore.hidden import Hidden

# Asks a person: given a prompt, what was typed, which is not shown on the screen.
Ask = Callable[[str], str]


class _MissingError(Exception):
    """A value cannot be had: why, and what to do."""

    def __init__(self, why: str, cure: str) -> None:
        super().__init__(why)
        self.cure = cure


def ask_person(prompt: str) -> str:
    """Asks on the terminal without echo.

    Raises:
        UsageError: there is no terminal.
    """
    if not sys.stdin.isatty():
        raise UsageError(
            f"'{prompt}' is asked of a person, and there is no terminal; put the value into the secrets file"
        )
    return getpass.getpass(f"{prompt}: ")


@dataclass
class Values:
    """Values of fields; each is read, and each person asked, once.

    Attributes:
        ask: how a person is asked.
        renewed: generated fields, as (entry, field), that get a new value although they have one.
    """

    ask: Ask = ask_person
    renewed: frozenset[tuple[str, str]] = frozenset()
    _known: dict[tuple[str, str], Hidden] = field(default_factory=dict, repr=False)

    def read(self, secrets: SecretsFile, entries: tuple[Entry, ...]) -> None:
        """Reads all values of some entries, so that nothing is written before all are known.

        Raises:
            InputError: every field whose value cannot be had.
            UsageError: a person is to be asked, and there is no terminal.
        """
        found: list[Finding] = []
        for entry in entries:
            for one in entry.fields:
                try:
                    self.of(entry, one)
                except _MissingError as missing:
                    key = f"{entry.name}.{one.name}"
                    found.append(Finding("secret-missing", str(missing), one.place, key, missing.cure))
        if found:
            raise InputError(in_order(found))

    def of(self, entry: Entry, one: Field) -> Hidden | None:
        """The value of a field, base64 applied; None for one that is to be generated."""
        if one.source is Source.GENERATE:
            return None
        key = (entry.name, one.name)
        if key not in self._known:
            self._known[key] = encoded(self._plain(entry, one), one)
        return self._known[key]

    def final(self, entry: Entry, one: Field, there: Hidden | None) -> Hidden:
        """What a store is to have: the value, or of a generated field what is `there` already, or a new password."""
        value = self.of(entry, one)
        if value is not None:
            return value
        if there is not None and not one.override and (entry.name, one.name) not in self.renewed:
            return there
        assert one.policy is not None
        return encoded(one.policy.generate(), one)

    def _plain(self, entry: Entry, one: Field) -> Hidden:
        if one.source is Source.INI:
            return _of_ini(one)
        prompt = one.prompt or f"{entry.name}.{one.name}"
        if one.source is Source.PATH:
            typed = self.ask(f"{prompt} (file{f', else {one.file}' if one.file else ''})") if one.asks else ""
            return _of_file(typed or one.file)
        if one.asks:
            typed = self.ask(f"{prompt}{' (nothing: as in the file)' if one.value else ''}")
            if typed:
                return Hidden(typed)
        if one.value is None:
            raise _MissingError("nothing was typed", "type the value, or put it into the secrets file")
        return one.value


def encoded(value: Hidden, one: Field) -> Hidden:
    """A value as the field wants it stored."""
    return Hidden(base64.b64encode(value.reveal())) if one.base64 else value


def unreadable(one: Field) -> str:
    """Why a file that a field names cannot give a value, as far as that is known without asking; "" if it can."""
    if one.asks or one.source not in (Source.PATH, Source.INI):
        return ""
    try:
        _of_ini(one) if one.source is Source.INI else _of_file(one.file)
    except _MissingError as missing:
        return f"{missing}; {missing.cure}"
    return ""


def _of_file(name: str) -> Hidden:
    try:
        content = Path(name).expanduser().read_bytes()
    except OSError as error:
        raise _MissingError(f"the file {name} cannot be read: {error.strerror}", "correct the path") from None
    if not content:
        raise _MissingError(f"the file {name} is empty", "fill it, or correct the path")
    return Hidden(content)


def _of_ini(one: Field) -> Hidden:
    reader = configparser.ConfigParser(interpolation=None)
    try:
        reader.read_string(Path(one.file).expanduser().read_text("utf-8"))
    except OSError as error:
        raise _MissingError(f"the file {one.file} cannot be read: {error.strerror}", "correct ini_file") from None
    except (configparser.Error, UnicodeDecodeError):
        # Its own words quote the line.
        raise _MissingError(f"the file {one.file} is no ini file", "correct ini_file") from None
    found = reader.get(one.ini_section, one.ini_key, fallback="")
    if not found:
        where = f"the key {one.ini_key} in [{one.ini_section}]"
        raise _MissingError(f"the file {one.file} has nothing at {where}", "correct ini_section and ini_key")
    return Hidden(found)
