"""An Argo CD Application of the rendered tree, read back from its file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from medpattern.argocd.names import CLUSTER_LABEL
from medpattern.documents.reader import parse_file
from medpattern.errors import InputError
from medpattern.fleet.merge import lookup


@dataclass(frozen=True)
class ApplicationFile:
    """What the tree's readers ask of an Application; "" stands for what it does not say.

    `path` is that of its source in its repository, `namespace` that of its destination. `app` is the entry of
    clusterGroup.applications whose chart lies in the rendered tree: "" for roots and for remote charts.
    """

    name: str
    project: str
    path: str
    namespace: str
    app: str

    @property
    def chart_folder(self) -> str:
        """`<cluster>/charts/<app>`, the chart's folder in the tree; "" if it does not lie there."""
        return "/".join(self.path.split("/")[-3:]) if self.app else ""


def read_application(content: bytes) -> ApplicationFile | None:
    """The Application that is all of a file; None for anything else, and for what cannot be read."""
    try:
        data = parse_file("Application", content).data
    except InputError:
        return None
    if not isinstance(data, dict) or data.get("kind") != "Application" or not _text(data, "metadata", "name"):
        return None
    path = _text(data, "spec", "source", "path")
    return ApplicationFile(
        name=_text(data, "metadata", "name"),
        project=_text(data, "spec", "project"),
        path=path,
        namespace=_text(data, "spec", "destination", "namespace"),
        app=_app(data, path),
    )


def _app(data: dict[str, Any], path: str) -> str:
    """The last part of `path` if it leads to a chart of the tree, and not to a remote one that looks alike."""
    parts = path.split("/")
    if len(parts) < 3 or parts[-2] != "charts" or not all(parts[-3:]):
        return ""
    cluster, _, app = parts[-3:]
    ours = _text(data, "spec", "source", "helm", "releaseName") == app
    return app if ours and _text(data, "metadata", "labels", CLUSTER_LABEL) in ("", cluster) else ""


def _text(data: Any, *path: str) -> str:
    value = lookup(data, path)[1]
    return value if isinstance(value, str) else ""
