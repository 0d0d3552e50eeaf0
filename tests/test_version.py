"""A repository says which versions of medpattern may render it."""

from __future__ import annotations

from typing import Any

import pytest

from medpattern import __version__
from medpattern.errors import UsageError
from medpattern.scaffold.repository import version_range
from medpattern.version import require_version


@pytest.mark.parametrize("data", [None, {}, [], {"medpattern": None}, {"medpattern": {}}, {"medpattern": []}])
def test_a_repository_that_says_nothing_is_rendered(data: Any) -> None:
    require_version(data)


@pytest.mark.parametrize("wanted", [f"=={__version__}", ">=0.0.1", f">=0.0.1,<={__version__}", f"~={__version__}"])
def test_a_range_with_this_version_is_accepted(wanted: str) -> None:
    require_version({"medpattern": {"version": wanted}})


@pytest.mark.parametrize("wanted", [">=99", f"!={__version__}", "<0.0.1"])
def test_a_range_without_this_version_is_refused_with_the_way_out(wanted: str) -> None:
    with pytest.raises(UsageError, match="pip install") as caught:
        require_version({"medpattern": {"version": wanted}})

    assert __version__ in str(caught.value)
    assert wanted in str(caught.value)


@pytest.mark.parametrize("wanted", ["newest", "1.0", ">=a"])
def test_what_is_no_range_is_refused_with_an_example(wanted: str) -> None:
    with pytest.raises(UsageError, match=r'write ">=0\.1,<1"'):
        require_version({"medpattern": {"version": wanted}})


def test_init_writes_a_range_that_fits() -> None:
    require_version({"medpattern": {"version": version_range()}})


def test_the_version_is_that_of_the_package() -> None:
    import tomllib
    from pathlib import Path

    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8"))

    assert project["project"]["version"] == __version__
