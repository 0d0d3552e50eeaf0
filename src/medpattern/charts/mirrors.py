"""Mirrors of a disconnected hospital: `global.mirrors`, prefix to prefix, over every reference."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

IMAGE_KEYS = frozenset({"registry", "repository", "tag", "digest"})
_BOUNDARY = "/:@"


def mirrored(reference: str, mirrors: dict[str, str]) -> str:
    """`reference` (image, URL or catalog) with its longest mirrored prefix replaced.

    A prefix ends at the reference's end or before one of `/`, `:` and `@`.

    >>> mirrored("quay.io/strimzi/kafka:1.2", {"quay.io": "registry.example.org/quay"})
    'registry.example.org/quay/strimzi/kafka:1.2'
    >>> mirrored("quay.iox/strimzi", {"quay.io": "registry.example.org"})
    'quay.iox/strimzi'
    """
    for prefix in sorted(mirrors, key=len, reverse=True):
        rest = reference.removeprefix(prefix)
        if rest != reference and (not rest or rest[0] in _BOUNDARY or prefix[-1] in _BOUNDARY):
            return mirrors[prefix] + rest
    return reference


def is_image(value: Any) -> bool:
    """Whether `value` is a map that names an image by registry, repository, tag and digest."""
    return isinstance(value, dict) and value.keys() >= IMAGE_KEYS


def with_mirrors(value: Any, mirrors: dict[str, str]) -> Any:
    """`value` with every image map in it pointing at its mirror; parts without images are shared."""
    if not mirrors:
        return value
    if is_image(value):
        name = f"{value['registry']}/{value['repository']}"
        registry, _, repository = mirrored(name, mirrors).partition("/")
        return {**value, "registry": registry, "repository": repository}
    if isinstance(value, dict):
        return {key: with_mirrors(item, mirrors) for key, item in value.items()}
    if isinstance(value, list):
        return [with_mirrors(item, mirrors) for item in value]
    return value


def images_in(node: Any) -> Iterator[str]:
    """Every `image:` of containers in an object, as it stands there."""
    if isinstance(node, dict):
        for key, item in node.items():
            if key == "image" and isinstance(item, str) and item:
                yield item
            else:
                yield from images_in(item)
    elif isinstance(node, list):
        for item in node:
            yield from images_in(item)


def image_maps(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], dict[str, Any]]]:
    """(path, map) of every image map in values."""
    if is_image(value):
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from image_maps(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from image_maps(item, (*path, index))
