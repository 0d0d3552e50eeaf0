"""What Argo CD must not be told: to skip validation, or to delete data without asking."""

from __future__ import annotations

from collections.abc import Iterator

from medpattern.checks.kinds import DATA_KINDS, SYNC_OPTIONS
from medpattern.checks.manifests import Manifest
from medpattern.checks.policy.reading import map_at, texts, word
from medpattern.checks.rules import Breach, Platform, Rule
from medpattern.findings import KeyPath

# A namespace holds what is in it: that takes all objects of a cluster to tell (estate.py).
_WITH_DATA = DATA_KINDS - {("", "Namespace")}
_ANNOTATION: KeyPath = ("metadata", "annotations", SYNC_OPTIONS)
_KEEPING = frozenset({"confirm", "false"})


def without_validation(manifest: Manifest, _platform: Platform) -> Iterator[Breach]:
    """Sync options that apply what the API server's schema refuses."""
    for text in texts(manifest):
        if "Validate=false" not in text.text:
            continue
        is_option = text.path[-1:] == (SYNC_OPTIONS,) or "syncOptions" in text.path
        if is_option and "Validate=false" in _words(text.text):
            message = (
                "Validate=false: what the schema refuses is applied, and unknown fields are dropped without a word"
            )
            yield Breach(text.path, message, "remove it, and mend what validation refuses")


def unconfirmed_deletion(manifest: Manifest, _platform: Platform) -> Iterator[Breach]:
    """Objects that hold data and that Argo CD would prune, or delete with their Application, without asking."""
    missing = unguarded(manifest)
    if missing:
        message = f"holds data, and goes without a question: no {' and no '.join(missing)}"
        path = _ANNOTATION if map_at(manifest.data, "metadata", "annotations").get(SYNC_OPTIONS) else ("metadata",)
        yield Breach(path, message, f"set the annotation {SYNC_OPTIONS}: Prune=confirm,Delete=confirm")


def unguarded(manifest: Manifest) -> list[str]:
    """Which of the two options are missing that keep an object until somebody agrees."""
    annotations = map_at(manifest.data, "metadata", "annotations")
    options = dict(option.split("=", 1) for option in _words(word(annotations.get(SYNC_OPTIONS))) if "=" in option)
    return [f"{name}=confirm" for name in ("Prune", "Delete") if options.get(name) not in _KEEPING]


def _words(text: str) -> list[str]:
    return [option.strip() for option in text.split(",")]


RULES = (
    Rule("skipped-validation", without_validation),
    Rule("unconfirmed-deletion", unconfirmed_deletion, _WITH_DATA),
)
