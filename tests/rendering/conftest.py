"""The small repository, rendered once; each test gets a copy of its own."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.fleet.small import copy_small, medpattern


@pytest.fixture(scope="session")
def _rendered_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = copy_small(tmp_path_factory.mktemp("once"))
    assert medpattern("render", root=root).code == 0
    return root


@pytest.fixture
def rendered(_rendered_once: Path, tmp_path: Path) -> Path:
    """A repository whose tree is as its inputs render it."""
    return Path(shutil.copytree(_rendered_once, tmp_path / "repository"))
