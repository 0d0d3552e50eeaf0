"""What a cluster fetches from elsewhere: images, charts, git repositories and operator catalogs."""

from __future__ import annotations

from collections.abc import Iterator

from medpattern.charts.mirrors import image_maps, images_in
from medpattern.rendering.apps import RenderedApp
from medpattern.rendering.renderer import RenderedCluster


def references(rendered: RenderedCluster) -> list[tuple[str, str, str]]:
    """(kind, reference, application) of everything, sorted; kinds are image, chart, git and catalog."""
    found = set(_of_manifests(rendered))
    for app in rendered.apps:
        found |= {("image", image, app.app.name) for image in _images(app)}
    return sorted(found)


def _of_manifests(rendered: RenderedCluster) -> Iterator[tuple[str, str, str]]:
    for manifest in rendered.manifests.values():
        spec, name = manifest.get("spec") or {}, manifest["metadata"]["name"]
        if manifest["kind"] == "Application":
            source = spec["source"]
            if "chart" in source:
                yield "chart", f"{source['repoURL']} {source['chart']}:{source['targetRevision']}", name
            else:
                yield "git", f"{source['repoURL']}@{source['targetRevision']}", ""
        elif manifest["kind"] == "Subscription":
            yield "catalog", f"{spec['source']} {spec['name']}", name


def _images(app: RenderedApp) -> Iterator[str]:
    """Images of containers, and those that a chart only hands on (to an operator, say) as values."""
    for found in app.objects():
        yield from images_in(found)
    if app.chart is not None:
        for _, image in image_maps(app.chart.values):
            digest = f"@{image['digest']}" if image["digest"] else ""
            yield f"{image['registry']}/{image['repository']}:{image['tag']}{digest}"
