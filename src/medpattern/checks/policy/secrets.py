"""Credentials in the tree: whoever reads git, or sees the Application, has them."""

from __future__ import annotations

from collections.abc import Iterator

from medpattern.checks.manifests import Manifest
from medpattern.checks.policy.credentials import credential
from medpattern.checks.policy.reading import Text, map_at, named, remembered, texts
from medpattern.checks.rules import Breach, Platform, Rule

_SECRET = frozenset({("", "Secret")})
_CURE = "take it out, also of git's history, change it, and let an ExternalSecret bring it as a file"
# Where Argo CD's repositories and clusters are: what it wants in a Secret although it is none.
_ARGOCD = named(
    "type url name project enableOCI enableLfs server namespaces clusterResources insecure forceHttpBasicAuth"
)
# Kinds whose text is a pattern, a query or a certificate, or names where a secret is.
_ELSEWHERE = frozenset({"Secret", "SealedSecret", "ExternalSecret", "CustomResourceDefinition", "GrafanaDashboard"})

_told = remembered(credential)


def secrets_with_data(manifest: Manifest, _platform: Platform) -> Iterator[Breach]:
    """Secrets that hold something. Base64 hides nothing."""
    open_ = _ARGOCD if manifest.labels().get("argocd.argoproj.io/secret-type") else frozenset()
    for key in ("data", "stringData"):
        names = sorted(str(name) for name, text in map_at(manifest.data, key).items() if text and name not in open_)
        if names:
            yield Breach((key,), f"a Secret with its content ({', '.join(names)})", _CURE)


def credentials_in_text(manifest: Manifest, _platform: Platform) -> Iterator[Breach]:
    """Environments, arguments, settings and fields that look like a credential."""
    if manifest.kind in _ELSEWHERE:
        return
    for text in texts(manifest):
        if _may_hold(text):
            told = _told(text.name, text.text)
            if told:
                yield Breach(text.path, f"{told}: it looks like a credential", _CURE)


def _may_hold(text: Text) -> bool:
    """Whether a credential could stand there: not in what names things, nor in checksums."""
    if "secretKeyRef" in text.path or "remoteRef" in text.path or text.path[-1:] in (("key",), ("name",)):
        return False
    return text.path[0] != "metadata" or "annotations" in text.path


RULES = (
    Rule("secret-in-tree", secrets_with_data, _SECRET),
    Rule("credential", credentials_in_text),
)
