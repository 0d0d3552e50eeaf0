"""Secrets files for tests, and a value that must never be seen anywhere."""

from __future__ import annotations

from textwrap import indent

from medpattern.secretstore.format import SecretsFile
from medpattern.secretstore.parsing import read_secrets

# No test compares with it: whatever shows it has leaked.
PLANTED = "Zq7-planted-Wv93"

BASIC = """\
length=10
rule "charset" { charset = "abcdefghijklmnopqrstuvwxyz" min-chars = 1 }
rule "charset" { charset = "ABCDEFGHIJKLMNOPQRSTUVWXYZ" min-chars = 1 }
rule "charset" { charset = "0123456789" min-chars = 1 }
"""

PREFIX = "medical-diagnosis/hospital-1"


def text(entries: str, top: str = "") -> str:
    """A secrets file with a list of entries and more keys at its top."""
    return f'version: "2.0"\n{top}secrets:\n{indent(entries, "  ")}'


def entry(fields: str, name: str = "smtp", more: str = "") -> str:
    """One entry of that list."""
    return f"- name: {name}\n  vaultPrefixes: [{PREFIX}]\n{indent(more, '  ')}  fields:\n{indent(fields, '    ')}"


def parsed(entries: str, top: str = "") -> SecretsFile:
    """What is read from such a file."""
    return read_secrets("secrets.yaml", text(entries, top).encode())
