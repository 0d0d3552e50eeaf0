from __future__ import annotations

import pytest

from medpattern.errors import UsageError
from medpattern.lock.versions import is_floating, newest

KNOWN = ["v1.0.0", "1.2.0", "1.2.9", "1.10.0", "2.0.0-rc.1", "2.0.0", "latest", "3.0.0-beta"]


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        ("~1.2", "1.2.9"),
        ("^1", "1.10.0"),
        ("1.x", "1.10.0"),
        (">=1.2, <1.3", "1.2.9"),
        (">= 1.2.0 < 1.2.9", "1.2.0"),
        ("v1.0.0", "v1.0.0"),
        ("*", "2.0.0"),
        ("", "2.0.0"),
        ("9.x", ""),
    ],
)
def test_the_newest_that_the_range_takes(wanted: str, chosen: str) -> None:
    assert newest(KNOWN, wanted) == chosen


def test_what_is_no_range_is_refused() -> None:
    with pytest.raises(UsageError, match="'newest' is neither a version nor a range"):
        newest(KNOWN, "newest")


@pytest.mark.parametrize("version", ["~1.2", "1.x", "", "latest", "1.2"])
def test_a_range_floats(version: str) -> None:
    assert is_floating(version)


@pytest.mark.parametrize("version", ["1.2.0", "v1.23.0", "1.2.0-rc.1", "1.2.0+build.5"])
def test_one_version_does_not(version: str) -> None:
    assert not is_floating(version)
