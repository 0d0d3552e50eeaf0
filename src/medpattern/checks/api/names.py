"""Names of objects, labels and keys, as the API server wants them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, TypeGuard

from medpattern.checks.manifests import Manifest
from medpattern.checks.metadata import DNS_LABEL, DNS_NAME, LABEL_VALUE
from medpattern.checks.policy.pods import POD_TEMPLATES
from medpattern.checks.policy.reading import map_at, mapping, word
from medpattern.checks.rules import Breach
from medpattern.findings import KeyPath

# What does not say otherwise here is a DNS name of at most 253 characters.
_SHORT = {
    ("", "Namespace"): (DNS_LABEL, "small letters, digits and '-'"),
    ("", "Service"): ("^[a-z]([-a-z0-9]*[a-z0-9])?$", "small letters, digits and '-', a letter first"),
}
# Kubernetes' rights, and what OpenShift serves by itself: names of people and of images.
_FREE = frozenset({"rbac.authorization.k8s.io", "image.openshift.io", "oauth.openshift.io", "user.openshift.io"})
_CRON_JOB = 52  # its Jobs' names have a time behind it, and at most 63 characters
_ANY_NAME = re.compile(r"(?!\.{1,2}$)[^/%]+")
_CONFIG_KEY = re.compile(r"(?!\.\.|\.$)[-._a-zA-Z0-9]{1,253}")
_LABEL_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_DNS_LABEL, _DNS_NAME, _LABEL_VALUE = re.compile(DNS_LABEL), re.compile(DNS_NAME), re.compile(LABEL_VALUE)
MOST_BYTES = 1_048_576


def name_refusals(manifest: Manifest) -> Iterator[Breach]:
    """Names, labels and annotations of an object, and keys of a ConfigMap or Secret."""
    yield from _own_name(manifest)
    for path in _metadata_of(manifest):
        for part in ("labels", "annotations"):
            yield from _keys((*path, part), map_at(manifest.data, *path, part))
    yield from _annotations_size(manifest)
    if (manifest.group, manifest.kind) in (("", "ConfigMap"), ("", "Secret")):
        yield from _data_keys(manifest)


def _own_name(manifest: Manifest) -> Iterator[Breach]:
    name = word(manifest.metadata.get("name"))
    if not name:
        return
    kind = (manifest.group, manifest.kind)
    if manifest.group in _FREE:
        fits, wanted, most = _ANY_NAME.fullmatch(name), "anything but '/', '%', '.' and '..'", 253
    elif kind in _SHORT:
        pattern, wanted = _SHORT[kind]
        fits, most = re.fullmatch(pattern, name), 63
    else:
        most = _CRON_JOB if kind == ("batch", "CronJob") else 253
        fits, wanted = _DNS_NAME.fullmatch(name), "small letters, digits, '-' and '.'"
    if not fits or len(name) > most:
        message = f"'{name[:80]}' cannot be a name here"
        yield Breach(("metadata", "name"), message, f"use at most {most} characters: {wanted}")
    namespace = word(manifest.metadata.get("namespace"))
    if namespace and (not _DNS_LABEL.fullmatch(namespace) or len(namespace) > 63):
        message = f"'{namespace[:80]}' cannot be the name of a namespace"
        yield Breach(("metadata", "namespace"), message, "use at most 63 small letters, digits and '-'")


def _metadata_of(manifest: Manifest) -> Iterator[KeyPath]:
    """Where metadata stands: the object's, and its pods'."""
    yield ("metadata",)
    template = POD_TEMPLATES.get((manifest.group, manifest.kind))
    if template:
        yield (*template, "metadata")


def _keys(path: KeyPath, data: dict[str, Any]) -> Iterator[Breach]:
    is_annotation = path[-1] == "annotations"
    what = "an annotation" if is_annotation else "a label"
    for key in data:
        if not is_qualified(str(key).lower() if is_annotation else str(key)):
            message = f"'{str(key)[:100]}' cannot be the key of {what}"
            yield Breach((*path, key), message, "use [DNS name/]name; name: at most 63 letters, digits, '-', '_', '.'")


@lru_cache(maxsize=4096)
def is_qualified(key: str) -> bool:
    """Whether a text may be the key of a label: a name, or a DNS name, '/' and a name."""
    prefix, slash, name = key.rpartition("/")
    if slash and (len(prefix) > 253 or not _DNS_NAME.fullmatch(prefix)):
        return False
    return bool(_LABEL_NAME.fullmatch(name))


def label_refusals(path: KeyPath, labels: dict[str, Any]) -> Iterator[Breach]:
    """What cannot be labels in a map that is used to select by them."""
    yield from _keys(path, labels)
    for key, value in labels.items():
        if isinstance(value, str) and (len(value) > 63 or not _LABEL_VALUE.fullmatch(value)):
            message = f"'{value[:80]}' cannot be the value of a label"
            yield Breach((*path, key), message, "use at most 63 letters, digits, '-', '_', '.'")


def _annotations_size(manifest: Manifest) -> Iterator[Breach]:
    annotations = mapping(manifest.metadata.get("annotations"))
    if (
        sum(len(str(key)) + len(value.encode()) for key, value in annotations.items() if _is_text(value))
        > MOST_BYTES // 4
    ):
        yield Breach(("metadata", "annotations"), f"is larger than {MOST_BYTES // 4} bytes in all", "make it smaller")


def _data_keys(manifest: Manifest) -> Iterator[Breach]:
    parts = ("data", "binaryData") if manifest.kind == "ConfigMap" else ("data", "stringData")
    maps = {part: mapping(manifest.data.get(part)) for part in parts}
    for part, data in maps.items():
        for key in data:
            if not _CONFIG_KEY.fullmatch(str(key)):
                cure = "use at most 253 letters, digits, '-', '_', '.'"
                yield Breach((part, key), f"'{str(key)[:80]}' cannot be a key of a {manifest.kind}", cure)
    if manifest.kind == "ConfigMap":
        for key in maps["data"].keys() & maps["binaryData"].keys():
            yield Breach(("binaryData", key), f"'{key}' stands in data too", "take one of them out")
    sizes = {
        part: sum(len(value.encode()) for value in data.values() if _is_text(value)) for part, data in maps.items()
    }
    for part in {"binaryData", "data" if manifest.kind == "Secret" else ""} & sizes.keys():
        sizes[part] = sizes[part] * 3 // 4  # stands there in base64
    if sum(sizes.values()) > MOST_BYTES:
        largest = max(sizes, key=lambda part: sizes[part])
        yield Breach((largest,), f"is larger than {MOST_BYTES} bytes, the most that is stored", "make several of it")


def _is_text(value: object) -> TypeGuard[str]:
    return isinstance(value, str)
