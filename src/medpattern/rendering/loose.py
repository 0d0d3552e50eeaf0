"""Objects of a folder of YAML or JSON files that medpattern did not make, as checks see them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medpattern.checks.manifests import Inventory, Locate, Manifest
from medpattern.checks.schemas import SchemaSet
from medpattern.documents.reader import Document, parse_stream
from medpattern.errors import InputError, UsageError
from medpattern.findings import Finding, KeyPath, Place, Severity

_SUFFIXES = (".yaml", ".yml", ".json")
_CHART = "Chart.yaml"
_KUSTOMIZATIONS = frozenset({"kustomization.yaml", "kustomization.yml"})


@dataclass(frozen=True)
class Folder:
    """A folder of manifests as the inventory of one cluster, named after the folder.

    `others` counts the documents that are no Kubernetes objects, such as values files.
    """

    inventory: Inventory
    findings: tuple[Finding, ...]
    others: int


def read_folder(
    folder: Path, schemas: SchemaSet, distribution: str, kubernetes_version: str, shown_from: Path
) -> Folder:
    """Reads every YAML and JSON file below `folder`, hidden ones left out; lists are taken apart.

    An object without a namespace, of a kind that lives in one, is taken to go to `default`. The folders of Helm charts
    and kustomizations are named in the findings, since what they make is known only after they were rendered.

    Args:
        folder: where the files are.
        schemas: what says whether a kind lives in a namespace.
        distribution: "openshift" or "kubernetes".
        kubernetes_version: such as "1.34"; "" if unknown.
        shown_from: the folder from which places are named, if they lie below it.

    Raises:
        UsageError: there is no such folder.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder")
    reading = _Reading(schemas, shown_from)
    for path in _files(folder):
        reading.read(path)
    name = folder.resolve().name
    inventory = Inventory(name, distribution, kubernetes_version, tuple(reading.manifests))
    return Folder(inventory, tuple(reading.findings), reading.others)


def _files(folder: Path) -> Iterator[Path]:
    for base, folders, names in os.walk(folder):
        folders[:] = [] if _CHART in names else sorted(name for name in folders if not name.startswith("."))
        kept = [_CHART] if _CHART in names else sorted(names)
        yield from (Path(base, name) for name in kept if name.endswith(_SUFFIXES) and not name.startswith("."))


class _Reading:
    def __init__(self, schemas: SchemaSet, shown_from: Path) -> None:
        self.schemas = schemas
        self.base = shown_from.resolve()
        self.manifests: list[Manifest] = []
        self.findings: list[Finding] = []
        self.others = 0

    def read(self, path: Path) -> None:
        shown = self._shown(path)
        if path.name == _CHART or path.name in _KUSTOMIZATIONS:
            self.findings.append(_unrendered(shown, path.name))
            return
        try:
            documents = parse_stream(shown, path.read_bytes().decode("utf-8-sig"))
        except UnicodeDecodeError:
            self.findings.append(Finding("not-utf8", "the file is not UTF-8", Place(shown), cure="save it as UTF-8"))
        except InputError as error:
            self.findings += error.findings
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror}") from error
        else:
            for document in documents:
                self._take(document, document.data, ())

    def _shown(self, path: Path) -> str:
        whole = path.resolve()
        return (whole.relative_to(self.base) if whole.is_relative_to(self.base) else path).as_posix()

    def _take(self, document: Document, data: Any, path: KeyPath) -> None:
        if not isinstance(data, dict) or not data.keys() & {"apiVersion", "kind"}:
            self.others += data is not None
        elif not isinstance(data.get("apiVersion"), str) or not isinstance(data.get("kind"), str):
            message = "an object has 'apiVersion' and 'kind', both text"
            cure = "write both, or take the document out of the folder"
            self.findings.append(Finding("incomplete-object", message, document.place(path), cure=cure))
        elif data["kind"].endswith("List") and isinstance(data.get("items"), list):
            for number, item in enumerate(data["items"]):
                self._take(document, item, (*path, "items", number))
        else:
            self.manifests.append(Manifest(data, self._namespace(data), "", 0, _locator(document, path)))

    def _namespace(self, data: dict[str, Any]) -> str:
        metadata = data.get("metadata")
        own = metadata.get("namespace") if isinstance(metadata, dict) else None
        if own:
            return str(own)
        group = data["apiVersion"].rpartition("/")[0]
        return "" if self.schemas.scope(group, data["kind"]) == "Cluster" else "default"


def _locator(document: Document, base: KeyPath) -> Locate:
    return lambda path: document.place((*base, *path))


def _unrendered(shown: str, name: str) -> Finding:
    what, how = ("Helm chart", "helm template") if name == _CHART else ("kustomization", "kustomize build")
    message = f"a {what}: what it makes is not looked at"
    return Finding("not-rendered", message, Place(shown), cure=f"render it by '{how}' first", severity=Severity.WARNING)
