"""Hypothesis profiles, the small repository as a fixture, and what is collected.

CI repeats the same examples, `HYPOTHESIS_PROFILE=explore` looks for new ones. tests/real and tests/live need servers,
tests/training PyTorch: they are left out unless they are asked for by name, as `make test-real`, `make test-cluster`
and `make test-train` do.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.fleet.small import copy_small, medpattern

QUIET = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)

settings.register_profile("ci", derandomize=True, deadline=None, suppress_health_check=QUIET, database=None)
settings.register_profile("explore", deadline=None, suppress_health_check=QUIET, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

ON_REQUEST = [Path(__file__).parent / name for name in ("real", "live", "training")]


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    if collection_path not in ON_REQUEST:
        return None
    asked = [config.invocation_params.dir / argument.partition("::")[0] for argument in config.args]
    return None if any(path.resolve().is_relative_to(collection_path) for path in asked) else True


@pytest.fixture(scope="session")
def _rendered_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = copy_small(tmp_path_factory.mktemp("once"))
    assert medpattern("render", root=root).code == 0
    return root


@pytest.fixture
def rendered(_rendered_once: Path, tmp_path: Path) -> Path:
    """A repository whose tree is as its inputs render it."""
    return Path(shutil.copytree(_rendered_once, tmp_path / "repository"))
