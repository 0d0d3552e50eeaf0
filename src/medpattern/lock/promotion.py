"""Promotion: an image's digest goes to the clusters of one ring, after the ring before it has it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from medpattern.charts.mirrors import image_maps, mirrored
from medpattern.errors import PromotionError, UsageError
from medpattern.findings import KeyPath, dotted
from medpattern.fleet.places import join
from medpattern.lock.pins import Setting
from medpattern.rendering.renderer import RenderedCluster

_IMAGE = re.compile(
    r"(?P<name>[^/@:]+(?::[0-9]+)?(?:/[^/@:]+)+)(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?"
    r"@(?P<digest>sha256:[0-9a-f]{64})\Z"
)


@dataclass(frozen=True, slots=True)
class Image:
    """An image by its digest: `name` is "registry/repository", `tag` "" if none is given."""

    name: str
    tag: str
    digest: str

    @classmethod
    def parse(cls, text: str) -> Image:
        """The image that `text` names, as in registry.example.org/team/image:1.2@sha256:...

        Raises:
            UsageError: it has no digest, no registry, or a floating form.
        """
        match = _IMAGE.match(text)
        if match is None:
            cure = "write REGISTRY/REPOSITORY[:TAG]@sha256:<64 hexadecimal digits>"
            raise UsageError(f"'{text}' is no image by its digest; {cure}")
        return cls(match["name"], match["tag"] or "", match["digest"])


@dataclass(frozen=True, slots=True)
class Carrier:
    """An application of a cluster that runs the image: where in its values, and with which tag and digest."""

    cluster: str
    app: str
    app_key: KeyPath
    image: KeyPath
    tag: str
    digest: str

    def carries(self, image: Image) -> bool:
        """Whether it runs `image`, digest and, where one is named, tag."""
        return self.digest == image.digest and image.tag in ("", self.tag)


def carriers(rendered: RenderedCluster, image: Image) -> list[Carrier]:
    """Where a cluster runs the image `image`, whatever its version; mirrored names count as the names they mirror."""
    mirrors = rendered.cluster.globals.get("mirrors") or {}
    wanted = {image.name, mirrored(image.name, mirrors)}
    found = []
    for app in rendered.apps:
        for path, one in image_maps(app.chart.values) if app.chart else ():
            if f"{one['registry']}/{one['repository']}" in wanted:
                name, key = rendered.cluster.name, app.app.key
                found.append(Carrier(name, app.app.name, key, path, str(one["tag"]), str(one["digest"])))
    return found


def check_ring_before(image: Image, ring: int, before: Sequence[Carrier], *, number: int | None) -> None:
    """Refuses a ring while an application of the ring before it, `number`, does not run `image`.

    Raises:
        PromotionError: it names them.
    """
    behind = sorted({f"{one.cluster} {one.app}" for one in before if not one.carries(image)})
    if behind:
        raise PromotionError(
            f"ring {ring} waits for ring {number}, where {', '.join(behind)} does not run {image.digest}; "
            f"promote to ring {number} first, or say with --force why it cannot wait"
        )


def ring_before(rings: Iterable[int | None], ring: int) -> int | None:
    """The highest ring below `ring` that clusters are in; None for the first.

    Raises:
        UsageError: no cluster is in `ring`.
    """
    known = sorted({one for one in rings if one is not None})
    if ring not in known:
        shown = ", ".join(map(str, known)) or "none: set 'ring' in clusters/<cluster>.yaml"
        raise UsageError(f"no cluster is in ring {ring}; rings are {shown}")
    return max((one for one in known if one < ring), default=None)


def settings(values_folder: str, image: Image, chosen: Iterable[Carrier]) -> dict[Setting, str]:
    """What to set so that each of `chosen` runs `image`: in the cluster's own file, the application's own section.

    Raises:
        UsageError: the application is an item of a list, which a cluster's file cannot change one of.
    """
    found: dict[Setting, str] = {}
    for one in chosen:
        if any(isinstance(key, int) for key in one.app_key):
            cure = "write clusterGroup.applications as a map"
            raise UsageError(f"{one.cluster}: {dotted(one.app_key)} is an item of a list; {cure}")
        file = join(values_folder, f"values-{one.cluster}.yaml")
        base = (*one.app_key, "values", *one.image)
        if image.tag and image.tag != one.tag:
            found[Setting(file, (*base, "tag"))] = image.tag
        if image.digest != one.digest:
            found[Setting(file, (*base, "digest"))] = image.digest
    return found


def message(image: Image, ring: int, clusters: Sequence[str], force: str) -> str:
    """The commit's message."""
    name = image.name.rpartition("/")[2]
    text = f"Promote {name} {image.tag or image.digest[:19]} to ring {ring}\n\n"
    text += f"{image.name}{f':{image.tag}' if image.tag else ''}@{image.digest}\nClusters: {', '.join(clusters)}\n"
    return text + (f"Before its turn, because: {force}\n" if force else "")
