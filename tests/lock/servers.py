"""Servers that hold what a test puts there, and note what they were asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from medpattern.errors import RemoteError


def digest(text: str) -> str:
    """A digest that only `text` has."""
    from hashlib import sha256

    return f"sha256:{sha256(text.encode()).hexdigest()}"


@dataclass
class Shelf:
    """Charts by version, images by tag, git commits by revision; whatever is missing is a RemoteError."""

    charts: dict[str, str] = field(default_factory=dict)
    images: dict[str, str] = field(default_factory=dict)
    commits: dict[str, tuple[str, bool]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def chart_versions(self, repository: str, name: str) -> Mapping[str, str]:
        self.asked.append(f"{repository} {name}")
        return self.charts

    def chart_digest(self, repository: str, name: str, version: str) -> str:
        self.asked.append(f"{repository} {name} {version}")
        return self._take(self.charts, version)

    def image_digest(self, image: str, tag: str) -> str:
        self.asked.append(f"{image}:{tag}")
        return self._take(self.images, tag)

    def git_commit(self, url: str, revision: str) -> tuple[str, bool]:
        self.asked.append(f"{url}@{revision}")
        if revision not in self.commits:
            raise RemoteError(f"{url} has no {revision}")
        return self.commits[revision]

    def _take(self, where: dict[str, str], key: str) -> str:
        if key not in where:
            raise RemoteError(f"there is no {key}")
        return where[key]
