"""One copy of the shipped fleet for all faults of a session."""

from __future__ import annotations

import pytest

from tests.validation.harness import Plot


@pytest.fixture(scope="session")
def plot(tmp_path_factory: pytest.TempPathFactory) -> Plot:
    """The copy; whoever plants in it pulls out again."""
    return Plot(tmp_path_factory.mktemp("plot"))
