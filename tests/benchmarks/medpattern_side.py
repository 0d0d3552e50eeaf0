"""The fleet as a medpattern repository: charts/ and values/, written as a person would lay them out."""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.benchmarks.fleet import Application, Cluster, Fleet, Group, Values

OPEN_MAPS = frozenset({"podAnnotations", "resources", "requests", "limits"})  # keys that the user chooses


def command(*arguments: str) -> list[str]:
    """How medpattern is started; it runs with the generated repository as working folder."""
    return [sys.executable, "-m", "medpattern", *arguments]


def environment(cache: Path) -> dict[str, str]:
    """The environment of a medpattern process whose cache lies in the folder `cache`."""
    return {**os.environ, "XDG_CACHE_HOME": str(cache), "NO_COLOR": "1"}


def write(fleet: Fleet, root: Path) -> None:
    """Write chart sources and values files of the fleet below `root`."""
    for app in fleet.applications:
        _write_chart(app, root / "charts" / app.name)
    values = root / "values"
    _dump(values / "values-global.yaml", _global_values())
    for group in fleet.groups:
        _dump(values / f"values-{group.name}.yaml", _group_values(group, fleet.applications))
    for cluster in fleet.clusters:
        _dump(values / "clusters" / f"{cluster.name}.yaml", _facts(cluster))
        _dump(values / f"values-{cluster.name}.yaml", _cluster_values(cluster))


def change(cluster: Cluster, root: Path, step: int) -> None:
    """Edit one cluster's values file: `step` changes what its first application is called on the network."""
    content = _cluster_values(cluster)
    first = next(iter(content["clusterGroup"]["applications"].values()))
    first["values"]["host"] = f"edited-{step}.apps.{cluster.domain}"
    _dump(root / "values" / f"values-{cluster.name}.yaml", content)


def rendered_charts(root: Path, clusters: Sequence[str] = ()) -> Iterator[tuple[str, str, Path]]:
    """Cluster name, application name and folder of every chart that medpattern generated."""
    for chart in sorted((root / "rendered").glob("*/charts/*/Chart.yaml")):
        cluster, application = chart.parent.parent.parent.name, chart.parent.name
        if not clusters or cluster in clusters:
            yield cluster, application, chart.parent


def _global_values() -> Values:
    git = {"repoURL": "https://git.example.org/imaging/fleet.git", "revision": "main"}
    return {"global": {"pattern": "imaging"}, "main": {"clusterGroupName": "hospital", "git": git}}


def _group_values(group: Group, apps: Sequence[Application]) -> Values:
    applications = {
        app.name: {
            "namespace": app.name,
            "argoProject": "imaging",
            "path": f"charts/{app.name}",
            "values": group.values[app.name],
        }
        for app in apps
    }
    return {
        "clusterGroup": {
            "name": group.name,
            "isHubCluster": False,
            "namespaces": {app.name: {"labels": {"imaging.example.org/managed": "true"}} for app in apps},
            "argoProjects": ["imaging"],
            "applications": applications,
        }
    }


def _cluster_values(cluster: Cluster) -> dict[str, Any]:
    applications = {name: {"values": dict(values)} for name, values in cluster.values.items()}
    return {"clusterGroup": {"applications": applications}}


def _facts(cluster: Cluster) -> Values:
    return {"group": cluster.group.name, **cluster.group.facts, "domain": cluster.domain}


def _write_chart(app: Application, folder: Path) -> None:
    for stem, text in app.templates.items():
        _write(folder / "templates" / f"{stem}.yaml", text)
    chart = {
        "apiVersion": "v2",
        "name": app.name,
        "description": f"The {app.name} of the imaging department.",
        "type": "application",
        "version": "0.1.0",
        "appVersion": app.defaults["image"]["tag"],
        "annotations": {"medpattern.io/chart-source": "true"},
    }
    _dump(folder / "Chart.yaml", chart)
    _write(folder / "values.yaml", "".join(_commented(app.defaults, 0)))
    schema = _schema("", app.defaults)
    facts = {name: {"type": "string"} for name in ("localClusterName", "clusterDomain")}  # read as leaves
    schema["properties"]["global"] = {"type": "object", "properties": facts}
    _write(
        folder / "values.schema.json",
        json.dumps({"$schema": "http://json-schema.org/draft-07/schema#", **schema}, indent=2) + "\n",
    )


def _commented(values: Values, indent: int) -> Iterator[str]:
    """Lines of values.yaml with a comment above each key."""
    pad = " " * indent
    for key, value in values.items():
        yield f"{pad}# Sets the {key} of this application.\n"
        if isinstance(value, dict) and value and key not in OPEN_MAPS:
            yield f"{pad}{key}:\n"
            yield from _commented(value, indent + 2)
        else:
            text = yaml.safe_dump({key: value}, sort_keys=False, width=1000)
            yield from (pad + line for line in text.splitlines(keepends=True))


def _schema(key: str, value: Any) -> dict[str, Any]:
    """A closed draft-07 schema for a default value."""
    if isinstance(value, dict):
        if key in OPEN_MAPS:
            return {"type": "object", "additionalProperties": _schema("", next(iter(value.values())))}
        properties = {name: _schema(name, item) for name, item in value.items()}
        return {"type": "object", "additionalProperties": False, "properties": properties}
    if isinstance(value, list):
        return {"type": "array", "items": _schema("", value[0])}
    kind = {bool: "boolean", int: "integer", float: "number", str: "string"}[type(value)]
    return {"type": kind}


def _dump(path: Path, content: Values) -> None:
    _write(path, yaml.safe_dump(content, sort_keys=False, width=1000))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
