"""CustomResourceDefinitions to a folder of strict schemas, which `SchemaFolder` reads."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from medpattern.checks.crds import CustomKind, Skipped, convert
from medpattern.checks.folders import INDEX, definitions_in, definitions_of, files_below
from medpattern.errors import UsageError

STDIN = "-"


@dataclass
class Imported:
    """What was found in a number of inputs: kinds, and what was not converted, with the reasons."""

    kinds: list[CustomKind] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)

    def add(self, where: str, crds: Iterable[dict[str, Any]]) -> None:
        """Convert definitions; of a kind that comes twice in the same version, the first counts."""
        crds = list(crds)
        if not crds:
            self.skipped.append(Skipped(where, "it holds no CustomResourceDefinition"))
        known = {(kind.api_version, kind.kind) for kind in self.kinds}
        for crd in crds:
            kinds, skipped = convert(crd)
            self.skipped += skipped
            for kind in kinds:
                if (kind.api_version, kind.kind) in known:
                    why = f"{kind.api_version} {kind.kind} has come before"
                    self.skipped.append(Skipped(f"{kind.plural}.{kind.group} {kind.version} in {where}", why))
                else:
                    known.add((kind.api_version, kind.kind))
                    self.kinds.append(kind)


def import_files(names: Sequence[str], stdin: bytes = b"") -> Imported:
    """Convert every definition in files and folders; "-" is `stdin`.

    Files of a folder that hold no definition are passed over; a file that is named itself should have one.

    Raises:
        UsageError: there is no such file or folder, or it cannot be read.
        InputError: a file is not UTF-8 or not YAML.
    """
    found = Imported()
    for name in names:
        path = Path(name)
        if name == STDIN:
            found.add("standard input", definitions_of("standard input", stdin))
        elif path.is_dir():
            files = files_below(path, (".yaml", ".yml", ".json"))
            found.add(name, (crd for file in files for crd in definitions_in(file)))
        elif path.exists():
            found.add(name, definitions_in(path))
        else:
            raise UsageError(f"{name}: no such file or folder")
    return found


def schema_file(kind: CustomKind) -> str:
    """Where a kind's schema lies in a folder of schemas."""
    return f"{kind.group}/{kind.kind.lower()}_{kind.version}.json"


def schema_files(kinds: Iterable[CustomKind], index: Sequence[dict[str, Any]]) -> dict[str, bytes]:
    """Return what to write into a folder of schemas, by path: the kinds' schemas and the index.

    Args:
        kinds: what was converted.
        index: the rows of the folder's index as it is; those of other kinds are kept.
    """
    rows = {(row["group"], str(row.get("version", "")), row["kind"]): row for row in index}
    files: dict[str, bytes] = {}
    for kind in kinds:
        files[schema_file(kind)] = _json(kind.schema, sort=True)
        rows[kind.group, kind.version, kind.kind] = {
            "group": kind.group,
            "version": kind.version,
            "kind": kind.kind,
            "plural": kind.plural,
            "scope": kind.scope,
            "deprecated": kind.deprecated,
            "file": schema_file(kind),
        }
    files[INDEX] = _json([rows[key] for key in sorted(rows)], sort=False)
    return files


def _json(value: Any, *, sort: bool) -> bytes:
    return (json.dumps(value, indent=1, sort_keys=sort, ensure_ascii=False) + "\n").encode()
