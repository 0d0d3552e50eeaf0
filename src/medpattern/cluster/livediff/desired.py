"""What a cluster should have, as Argo CD would apply it: every object with its namespace and its Application."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from medpattern.argocd.names import CLUSTER_APP
from medpattern.charts.helm import NEEDS_HELM
from medpattern.cluster.livediff.ignoring import Ignored, of_application

if TYPE_CHECKING:
    from medpattern.rendering.renderer import RenderedCluster

ARGOCD_MANAGER = "argocd-controller"
ROOT_MANAGER = "medpattern"  # bootstrap applies the root, nobody else does

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Desired:
    """One object of the rendered tree.

    Attributes:
        thing: the object; its namespace may be left to the release.
        part: the application of the cluster that makes it; "cluster" or "argocd" for what the root applies.
        application: the Application that applies it; "" for the root itself.
        release: the namespace of objects that name none.
        at_seat: whether it goes to the cluster of the Argo CD, not to the cluster itself.
        ignored: the Application's own rules on differences.
    """

    thing: Object
    part: str
    application: str
    release: str
    at_seat: bool
    ignored: tuple[Ignored, ...] = ()

    @property
    def manager(self) -> str:
        """Who applies it, as its fields' owner."""
        return ARGOCD_MANAGER if self.application else ROOT_MANAGER


@dataclass(frozen=True, slots=True)
class Plan:
    """The objects of a cluster, and of which applications they are not known, with the reason."""

    objects: tuple[Desired, ...]
    unknown: dict[str, str]


def desired(rendered: RenderedCluster, only: str = "") -> Plan:
    """All objects of a rendered cluster, or those of the application `only`.

    Raises:
        HelmError: Helm refuses an ordinary chart.
    """
    facts = rendered.cluster.facts
    found = [] if only else list(_of_root(rendered))
    unknown: dict[str, str] = {}
    for app in rendered.apps:
        name = app.app.name
        if only not in ("", name):
            continue
        if not app.is_hydrated:
            unknown[name] = NEEDS_HELM if app.is_copied else "its chart lies in another repository"
            continue
        rules = of_application(app.app.ignore_differences, f"ignoreDifferences of {name}")
        application = facts.name_in_argocd(name)
        found += (
            Desired(one, name, application, app.app.namespace, at_seat=False, ignored=rules) for one in app.objects()
        )
    return Plan(tuple(found), unknown)


def _of_root(rendered: RenderedCluster) -> Iterator[Desired]:
    """root.yaml, argocd/ where Argo CD is, and cluster/, for a spoke by an Application of its own."""
    facts = rendered.cluster.facts
    root = f"{facts.name}-root"
    for file, thing in rendered.manifests.items():
        folder = file.partition("/")[0]
        if folder == "root.yaml":
            if not facts.is_pushed:  # a spoke's stands in the hub's argocd/ too, whose root applies it
                yield Desired(thing, "argocd", "", "", at_seat=True)
        elif folder == "argocd":
            yield Desired(thing, "argocd", root, "", at_seat=True)
        else:
            owner = facts.name_in_argocd(CLUSTER_APP) if facts.is_pushed else root
            yield Desired(thing, "cluster", owner, "", at_seat=False)
