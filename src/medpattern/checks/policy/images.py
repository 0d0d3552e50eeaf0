"""Images that can change under their name."""

from __future__ import annotations

import re
from collections.abc import Iterator

from medpattern.checks.manifests import Manifest
from medpattern.checks.policy.reading import Text, texts
from medpattern.checks.rules import Breach, Platform, Rule
from medpattern.findings import Severity

_KEYS = frozenset({"image", "imageName"})
REFERENCE = re.compile(
    r"(?P<name>[a-zA-Z0-9][\w.-]*(?::\d+(?=/))?(?:/[a-zA-Z0-9][\w.-]*)*)"
    r"(?::(?P<tag>[A-Za-z0-9_][\w.-]{0,127}))?(?:@(?P<digest>[a-z0-9]+:[0-9a-fA-F]{32,}))?"
)
# Tags that are moved with every build or release.
FLOATING = frozenset({"latest", "main", "master", "devel", "develop", "dev", "edge", "nightly", "snapshot", "stable"})


def floating_images(manifest: Manifest, _platform: Platform) -> Iterator[Breach]:
    """Images whose tag is moved on purpose, or that have none, which means `latest`."""
    for text, match in _images(manifest):
        tag = match["tag"] or ""
        if not match["digest"] and (not tag or tag.lower() in FLOATING):
            told = f"the tag '{tag}' is moved with each build" if tag else "no tag, which means 'latest'"
            cure = "name a release and its digest"
            yield Breach(text.path, f"the image {text.text} can be another one tomorrow: {told}", cure)


def images_by_tag(manifest: Manifest, _platform: Platform) -> Iterator[Breach]:
    """Images with a release's tag and no digest."""
    for text, match in _images(manifest):
        tag = match["tag"] or ""
        if tag and tag.lower() not in FLOATING and not match["digest"]:
            message = f"the image {text.text} is pinned by its tag only: what it names can change"
            yield Breach(text.path, message, "set its digest once it can be looked up")


def _images(manifest: Manifest) -> Iterator[tuple[Text, re.Match[str]]]:
    for text in texts(manifest):
        if text.path[-1:] and text.path[-1] in _KEYS and text.path[0] == "spec":
            match = REFERENCE.fullmatch(text.text)
            if match:
                yield text, match


RULES = (
    Rule("floating-image", floating_images),
    Rule("missing-digest", images_by_tag, severity=Severity.WARNING),
)
