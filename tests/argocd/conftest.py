"""Clusters rendered in memory: of the small repository, and of the fleet that ships with medpattern."""

from __future__ import annotations

from pathlib import Path

import pytest

from medpattern.fleet.fleet import load_fleet
from medpattern.rendering.renderer import RenderedCluster, Renderer
from tests.fleet.small import CHECKOUT, SMALL

Clusters = dict[str, RenderedCluster]


def rendered_clusters(root: Path) -> Clusters:
    """Every cluster of a repository without errors."""
    renderer = Renderer(load_fleet(root))
    clusters = {name: renderer.cluster(name) for name in renderer.fleet.facts}
    assert [finding for finding in renderer.findings if finding.severity == "error"] == []
    return clusters


@pytest.fixture(scope="session")
def small() -> Clusters:
    return rendered_clusters(SMALL)


@pytest.fixture(scope="session")
def shipped() -> Clusters:
    return rendered_clusters(CHECKOUT)
