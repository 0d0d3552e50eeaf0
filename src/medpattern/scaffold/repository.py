"""Plans and writes a deployment repository: a hospital's values files, as they ship with medpattern."""

from __future__ import annotations

import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from string import Template

from medpattern import __version__
from medpattern.charts.files import builtin_folder
from medpattern.documents.writer import quote
from medpattern.errors import UsageError
from medpattern.fleet.facts import OPENSHIFT
from medpattern.fleet.names import label_problem
from medpattern.fleet.repository import schema_text

PLACEHOLDER_URL = "https://git.example.org/hospital/medical-diagnosis.git"


@dataclass(frozen=True)
class Preset:
    """Which hospital of the shipped fleet a new one is modelled on."""

    model: str
    platform: str
    version: str


PRESETS = {
    OPENSHIFT: Preset("hospital-1", "VSphere", "4.20"),
    "kubernetes": Preset("hospital-2", "None", "1.34"),
}


def version_range() -> str:
    """The versions that render the same as this one: `>=0.1,<0.2`."""
    major, minor = (int(part) for part in __version__.split(".")[:2])
    return f">={major}.{minor},<{major}.{minor + 1}"


def plan_repository(
    distribution: str, clusters: Sequence[str], repo_url: str = PLACEHOLDER_URL, revision: str = "main"
) -> dict[str, str]:
    """The files of a new deployment repository by path.

    Args:
        distribution: "openshift" or "kubernetes".
        clusters: names of its clusters, at least one.
        repo_url: where Argo CD will read the repository; without credentials.
        revision: the branch that Argo CD follows.

    Raises:
        UsageError: a name that is no DNS label, or stands there twice.
    """
    for name in clusters:
        problem = label_problem(name)
        if problem or clusters.count(name) > 1:
            raise UsageError(f"cluster {problem}" if problem else f"cluster '{name}' is named twice")
    preset = PRESETS[distribution]
    words = {
        "version": version_range(),
        "repo_url": quote(repo_url),
        "revision": quote(revision),
        "first": clusters[0],
        "clusters": ", ".join(clusters),
        "distribution": distribution,
        "platform": preset.platform,
        "cluster_version": preset.version,
    }
    files = {
        "README.md": _filled("README.md", words),
        ".gitlab-ci.yml": _filled("gitlab-ci.yml", words),
        ".githooks/pre-push": _filled("pre-push", words),
        "values/values-global.yaml": _filled("values-global.yaml", words),
        "values/.schema/values.schema.json": schema_text("values"),
        "values/.schema/cluster.schema.json": schema_text("cluster"),
    }
    group_files = (
        "values-hospital",
        f"values-{preset.platform}-hospital",
        f"values-{preset.version}-hospital",
    )
    for file in group_files:
        text = _shipped(file)
        if text:
            files[f"values/{file}.yaml"] = _schema_line("") + text
    for ring, name in enumerate(clusters):
        files[f"values/clusters/{name}.yaml"] = _filled("cluster.yaml", words | {"name": name, "ring": str(ring)})
        files[f"values/values-{name}.yaml"] = _cluster_values(preset, name)
    return files


def write_repository(folder: Path, files: dict[str, str]) -> list[str]:
    """Writes `files` below `folder`, which may exist.

    Returns:
        The files that were there already and have been left as they are, as a README of the clone.

    Raises:
        UsageError: there are values files already; nothing is written.
    """
    present = [name for name in files if (folder / name).exists()]
    values = [name for name in present if name.startswith("values/")]
    if values:
        raise UsageError(f"{folder} already has {', '.join(values)}; init never overwrites")
    try:
        for name in files.keys() - set(present):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as stream:
                stream.write(files[name])
            if name.startswith(".githooks/"):
                path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    except OSError as error:
        raise UsageError(f"{error.filename}: {error.strerror}") from error
    return present


def _filled(name: str, words: dict[str, str]) -> str:
    text = resources.files("medpattern.scaffold").joinpath(f"files/{name}").read_text("utf-8")
    return Template(text).substitute(words)


def _shipped(name: str) -> str:
    path = builtin_folder() / "values" / f"{name}.yaml"
    return path.read_text("utf-8") if path.is_file() else ""


def _schema_line(up: str) -> str:
    return f"# yaml-language-server: $schema={up}.schema/values.schema.json\n"


def _cluster_values(preset: Preset, name: str) -> str:
    """The model hospital's own values under the new name; its introduction is about another house."""
    text = _shipped(f"values-{preset.model}")
    body = re.sub(r"\A(#.*\n)+\n*", "", text)
    body = re.sub(rf"(?<![\w-]){re.escape(preset.model)}(?![\w-])", name, body)
    return f"{_schema_line('')}# {name}: what is special about this cluster. Sizes and classes are examples.\n\n{body}"
