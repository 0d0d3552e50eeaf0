"""The versions of medpattern that a repository asks for, in values-global.yaml."""

from __future__ import annotations

from typing import Any

from medpattern import __version__
from medpattern.errors import UsageError


def require_version(data: Any) -> None:
    """Refuses a repository whose `medpattern: {version: ...}` excludes this program.

    Args:
        data: the content of values-global.yaml.

    Raises:
        UsageError: this version is excluded, or the requirement cannot be read.
    """
    section = data.get("medpattern") if isinstance(data, dict) else None
    wanted = section.get("version") if isinstance(section, dict) else None
    if not wanted:
        return
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        accepted = SpecifierSet(str(wanted))
    except InvalidSpecifier as error:
        raise UsageError(
            f'values-global.yaml: medpattern.version {wanted!r} is no version range; write ">=0.1,<1"'
        ) from error
    if not accepted.contains(__version__, prereleases=True):
        raise UsageError(
            f"values-global.yaml asks for medpattern {wanted}, this is {__version__}; "
            f"install a version that fits: pip install 'medpattern{wanted}'"
        )
