"""How Argo CD marks what an Application has made, and what it does not prune.

https://argo-cd.readthedocs.io/en/stable/user-guide/resource_tracking/
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

TRACKING_ID = "argocd.argoproj.io/tracking-id"
INSTALLATION_ID = "argocd.argoproj.io/installation-id"
INSTANCE_LABEL = "app.kubernetes.io/instance"
SYNC_OPTIONS = "argocd.argoproj.io/sync-options"
COMPARE_OPTIONS = "argocd.argoproj.io/compare-options"

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Tracking:
    """What argocd-cm says: "annotation" (the default since 3.0), "label" or "annotation+label", and the label's key."""

    method: str = "annotation"
    label: str = INSTANCE_LABEL

    def owner(self, live: Object) -> str:
        """The Application that an object belongs to; "" if none, or if the mark was copied from another object."""
        metadata = live["metadata"]
        if self.method == "label":
            return str((metadata.get("labels") or {}).get(self.label, ""))
        mark = str((metadata.get("annotations") or {}).get(TRACKING_ID, ""))
        application, _, rest = mark.partition(":")
        kind, _, name = rest.partition(":")
        group = str(live.get("apiVersion", "")).rpartition("/")[0]
        own = {f"{metadata.get('namespace', '')}/{metadata['name']}"}
        if not metadata.get("namespace"):
            own = {f"{name.partition('/')[0]}/{metadata['name']}"}  # that of the Application's destination
        return application if kind == f"{group}/{live.get('kind')}" and name in own else ""

    def marked(self, wanted: Object, live: Object, application: str) -> Object:
        """`wanted` with the mark that Argo CD gives it, taken from the live object; as it is if that has none."""
        if self.owner(live) != application:
            return wanted
        metadata, there = dict(wanted["metadata"]), live["metadata"]
        for part, keys in (("annotations", (TRACKING_ID, INSTALLATION_ID)), ("labels", self._labels)):
            marks = {key: there[part][key] for key in keys if key in (there.get(part) or {})}
            if marks:
                metadata[part] = {**(metadata.get(part) or {}), **marks}
        return {**wanted, "metadata": metadata}

    @property
    def _labels(self) -> tuple[str, ...]:
        return (self.label,) if "label" in self.method else ()


def tracking(settings: dict[str, str]) -> Tracking:
    """From the data of argocd-cm."""
    return Tracking(
        settings.get("application.resourceTrackingMethod") or "annotation",
        settings.get("application.instanceLabelKey") or INSTANCE_LABEL,
    )


def why_kept(live: Object) -> str:
    """Why Argo CD does not prune an object that git no longer has; "" if it does."""
    annotations = live["metadata"].get("annotations") or {}
    options = {text.strip() for text in str(annotations.get(SYNC_OPTIONS, "")).split(",")}
    if "Prune=false" in options:
        return "stays: Prune=false"
    if "Prune=confirm" in options:
        return "stays until it is confirmed: Prune=confirm"
    if "IgnoreExtraneous" in str(annotations.get(COMPARE_OPTIONS, "")):
        return "stays: IgnoreExtraneous"
    return ""
