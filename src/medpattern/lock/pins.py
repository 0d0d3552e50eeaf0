"""What a fleet fetches by a name that could move: charts by version, folders by git revision, images by tag."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from medpattern.argocd.applications import remote_url
from medpattern.charts.mirrors import image_maps
from medpattern.charts.values import ChartValues
from medpattern.errors import UsageError
from medpattern.findings import KeyPath, dotted
from medpattern.fleet.layers import Layers
from medpattern.fleet.merge import lookup
from medpattern.rendering.apps import RenderedApp
from medpattern.rendering.renderer import RenderedCluster


class PinKind(StrEnum):
    """What is pinned."""

    CHART = "chart"
    GIT = "git"
    IMAGE = "image"


@dataclass(frozen=True, slots=True, order=True)
class Pin:
    """A name that could move.

    Attributes:
        kind: what it is.
        repository: the Helm repository's or git repository's URL; of an image "registry/repository".
        name: the chart in that repository; "" for git and images.
        version: the chart's version, the git revision, the image's tag.
    """

    kind: PinKind
    repository: str
    name: str
    version: str

    def __str__(self) -> str:
        separator = {PinKind.CHART: " ", PinKind.GIT: "@", PinKind.IMAGE: ":"}[self.kind]
        return f"{self.repository}{f' {self.name}' if self.name else ''}{separator}{self.version}"


@dataclass(frozen=True, slots=True)
class Setting:
    """A key path in a file of the repository, where a value can be set."""

    file: str
    path: KeyPath

    def __str__(self) -> str:
        return f"{self.file}: {dotted(self.path)}"


@dataclass(frozen=True, slots=True)
class Use:
    """A pin as one application of one cluster uses it.

    `digest` is the one that values give, "" if none. `setting` is where a new version (of a chart or git revision) or a
    new digest (of an image) would be written.
    """

    pin: Pin
    cluster: str
    app: str
    digest: str
    setting: Setting


def uses(root: Path, clusters: Iterable[RenderedCluster]) -> Iterator[Use]:
    """Every use of a pin in `clusters` of the repository at `root`.

    Raises:
        UsageError: an image's digest is set by an override, which holds for one value and cannot be edited here.
    """
    for rendered in clusters:
        for app in rendered.apps:
            yield from _remote(rendered, app)
            if app.chart is not None:
                yield from _images(root, rendered, app)


def _remote(rendered: RenderedCluster, found: RenderedApp) -> Iterator[Use]:
    app, cluster = found.app, rendered.cluster
    if not app.is_remote:
        return
    kind, word = (PinKind.CHART, "chartVersion") if app.chart else (PinKind.GIT, "targetRevision")
    version = app.chart_version if app.chart else app.target_revision
    pin = Pin(kind, remote_url(cluster, app), app.chart, version)
    path = (*app.key, word)
    setting = _highest(cluster.layers, path) or _lowest(cluster.layers, app.key, path)
    if setting is not None:
        yield Use(pin, cluster.name, app.name, "", setting)


def _images(root: Path, rendered: RenderedCluster, found: RenderedApp) -> Iterator[Use]:
    assert found.chart is not None
    for path, image in image_maps(found.chart.values):
        pin = Pin(PinKind.IMAGE, f"{image['registry']}/{image['repository']}", "", str(image["tag"]))
        setting = image_setting(root, found.values, path)
        yield Use(pin, rendered.cluster.name, found.app.name, str(image["digest"]), setting)


def image_setting(root: Path, values: ChartValues, image: KeyPath) -> Setting:
    """Where the digest of the image at the path `image` of an application's values belongs.

    Beside the tag or digest that wins; for a chart that ships with medpattern, into the application's own section.

    Raises:
        UsageError: an override sets it.
    """
    cluster, app = values.cluster, values.app
    parts = [(*image, word) for word in ("digest", "tag")]
    overridden = next((found for part in parts for found in values.chain(part) if found.role == "overrides"), None)
    if overridden is not None:
        raise UsageError(f"{overridden.place}: an override sets {dotted(image)}; write it under values: instead")
    own = (*app.key, "values")
    chosen = [_highest(cluster.layers, (*own, *part)) for part in parts]
    chosen += [_highest(values.extra, part) or _highest(cluster.layers, part) for part in parts]
    setting = next((found for found in chosen if found), None)
    if setting is not None:
        return Setting(setting.file, (*setting.path[:-1], "digest"))
    source = values.source
    assert source is not None
    if (root / source.shown).is_dir():
        return Setting(source.values.file, (*image, "digest"))
    lowest = _lowest(cluster.layers, app.key, (*own, *image, "digest"))
    assert lowest is not None
    return lowest


def _highest(layers: Layers, path: KeyPath) -> Setting | None:
    """The layer whose value at `path` wins."""
    for layer in reversed(layers):
        if lookup(layer.document.data, path)[0]:
            return Setting(layer.document.file, path)
    return None


def _lowest(layers: Layers, base: KeyPath, path: KeyPath) -> Setting | None:
    """The first layer that has `base`: where the application is declared for all that share it."""
    for layer in layers:
        if lookup(layer.document.data, base)[0]:
            return Setting(layer.document.file, path)
    return None
