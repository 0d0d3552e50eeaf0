"""What the roots of the small fleet apply, as files to read: tests/rendering/golden/<cluster>."""

from __future__ import annotations

from pathlib import Path

import pytest

from medpattern.fleet.fleet import load_fleet
from medpattern.rendering.renderer import Renderer
from tests.fleet.small import SMALL
from tests.golden import compare


@pytest.mark.parametrize("cluster", ["hub", "east", "west"])
def test_roots_projects_and_applications_are_the_golden_ones(cluster: str) -> None:
    rendered = Renderer(load_fleet(SMALL)).cluster(cluster)
    shown = {
        name: file.content
        for name, file in rendered.files.items()
        if name == "root.yaml" or name.startswith(("cluster/", "argocd/"))
    }
    compare(Path(__file__).parent / "golden" / cluster, shown)
