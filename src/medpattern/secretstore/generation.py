"""A secrets file whose generated fields have their values: for stores that do not generate, or to share one value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from medpattern.documents.reader import parse_file
from medpattern.documents.writer import dump
from medpattern.secretstore.format import SecretsFile, Source
from medpattern.secretstore.hidden import Hidden
from medpattern.secretstore.parsing import read_secrets

HEADER = "# Made by 'medpattern secrets generate'. It holds secrets: keep it out of git and readable to you alone.\n"


@dataclass(frozen=True, slots=True)
class Filled:
    """The text of the filled file, and which fields, as ENTRY.FIELD, were made now or kept from before."""

    content: Hidden
    made: tuple[str, ...]
    kept: tuple[str, ...]


def fill(content: bytes, secrets: SecretsFile, before: SecretsFile | None = None) -> Filled:
    """A secrets file with a value for each field that is to be generated.

    Args:
        content: the text of the file, decrypted.
        secrets: what was read from it.
        before: a file that was filled earlier; its values are kept, those with `override` excepted.
    """
    data: dict[str, Any] = parse_file(secrets.file, content).data
    known = {(entry.name, one.name): one.value for entry in before.entries for one in entry.fields} if before else {}
    made: list[str] = []
    kept: list[str] = []
    for row, entry in zip(data["secrets"] or (), secrets.entries, strict=True):
        for number, one in enumerate(entry.fields):
            if one.source is not Source.GENERATE:
                continue
            assert one.policy is not None
            old = None if one.override else known.get((entry.name, one.name))
            (kept if old else made).append(f"{entry.name}.{one.name}")
            value = old or one.policy.generate()
            field = {key: item for key, item in row["fields"][number].items() if key != "override"}
            row["fields"][number] = {**field, "value": value.text(), "onMissingValue": "error"}
    text = HEADER + dump({**data, "version": "2.0"})
    # What was written must be what is read; it never fails, and a secret lost unseen would be costly.
    read_secrets(secrets.file, text.encode())
    return Filled(Hidden(text), tuple(made), tuple(kept))
