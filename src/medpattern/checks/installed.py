"""Kinds of Kubernetes that medpattern does not ship schemas of: by the package kubernetes-validate, where installed."""

from __future__ import annotations

import importlib.util
import re
from functools import cached_property
from pathlib import Path
from typing import Any

from medpattern.checks.sources import KindRow, Scope, group_of
from medpattern.documents.validation import Violation, explained

_NATIVE_GROUP = re.compile(r"[a-z]*|[a-z.]+\.k8s\.io")


class InstalledKubernetes:
    """kubernetes-validate as a source; without the package it knows nothing.

    It tells what is wrong one at a time, takes about 7 ms for an object, and accepts null for optional fields.
    """

    label = "kubernetes-validate"

    def rows(self) -> tuple[KindRow, ...]:
        """None: the package knows far more names than are kinds of objects that anybody applies."""
        return ()

    def covers(self, api_version: str, kind: str) -> bool:
        """Whether the newest version that the package knows has the kind."""
        return bool(self._minors) and self._file(api_version, kind, self._minors[-1]) is not None

    def scope(self, group: str, kind: str) -> Scope | None:
        """Not known here: the shipped schemas know it of every native kind."""
        return None

    def schema(self, api_version: str, kind: str, minor: int, distribution: str) -> InstalledJudge | None:
        """The judge for the nearest Kubernetes version that the package knows, if that has the kind."""
        known = max(self._minors[0], min(self._minors[-1], minor)) if self._minors else 0
        return InstalledJudge(f"1.{known}") if self._file(api_version, kind, known) else None

    def _file(self, api_version: str, kind: str, minor: int) -> Path | None:
        """The package looks a kind up by the first label of its group, which a custom group may share."""
        if self._folder is None or not _NATIVE_GROUP.fullmatch(group_of(api_version)):
            return None
        name = re.sub(r"^([^./]*)(?:\.[^/]*)?/", r"\1-", api_version)
        path = self._folder / f"v1.{minor}.0-local-strict" / f"{kind.lower()}-{name}.json"
        return path if path.is_file() else None

    @cached_property
    def _folder(self) -> Path | None:
        found = importlib.util.find_spec("kubernetes_validate")
        return Path(found.origin).parent / "kubernetes-json-schema" if found and found.origin else None

    @cached_property
    def _minors(self) -> list[int]:
        folders = self._folder.glob("v1.*.0-local-strict") if self._folder else ()
        return sorted(int(folder.name.split(".")[1]) for folder in folders)


class InstalledJudge:
    """The package's verdict on objects for one Kubernetes version, such as "1.34"."""

    def __init__(self, version: str) -> None:
        self.version = version

    def violations(self, data: Any) -> list[Violation]:
        """The first thing that is wrong, if any."""
        import kubernetes_validate

        try:
            kubernetes_validate.validate(data, self.version, strict=True)
        except kubernetes_validate.ValidationError as error:
            return list(dict.fromkeys(explained([error])))
        return []
