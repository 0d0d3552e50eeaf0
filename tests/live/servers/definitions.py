"""The custom kinds that a test cluster has: definitions of .ci/crds, or those below MEDPATTERN_CRDS.

.ci/crds/upstream.tar.xz and MEDPATTERN_CRDS have `GROUP/PLURAL.yaml` and `variants/PLATFORM/GROUP/PLURAL.yaml`, what
another platform declares under the same name; a definition of our own takes the place of the ordinary one.
"""

from __future__ import annotations

import hashlib
import os
import tarfile
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from tests.live.servers.built import cache
from tests.real.servers.programs import MissingError

CHECKOUT = Path(__file__).parents[3]
OWN = CHECKOUT / ".ci" / "crds"
UPSTREAM = OWN / "upstream.tar.xz"
# What OpenShift declares otherwise; .ci/build_schemas.py makes its schemas of the same.
VARIANTS = {"openshift": "openshift-serverless-1.37"}


def definition_folder() -> Path:
    """Where the definitions lie; `MissingError` if MEDPATTERN_CRDS names no folder."""
    if not (named := os.environ.get("MEDPATTERN_CRDS")):
        return unpacked(cache())
    if not Path(named).is_dir():
        raise MissingError(f"MEDPATTERN_CRDS names {named}, which is no folder; without it those of .ci/crds are taken")
    return Path(named)


def unpacked(folder: Path) -> Path:
    """Upstream's definitions in a folder below `folder`, named by the archive that they come from."""
    found = folder / f"definitions-{hashlib.sha256(UPSTREAM.read_bytes()).hexdigest()[:16]}"
    if not found.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="definitions-", dir=folder) as part, tarfile.open(UPSTREAM) as archive:
            archive.extractall(Path(part) / "whole", filter="data")
            try:
                (Path(part) / "whole").rename(found)
            except OSError:  # another worker was first
                assert found.is_dir()
    return found


def definition_files(distribution: str, groups: Iterable[str]) -> list[Path]:
    """The files with the definitions of API groups; of a group without any, none."""
    folder = definition_folder()
    found: list[Path] = []
    for group in sorted(set(groups)):
        files = {path.name: path for path in (folder / group).glob("*.yaml")}
        variant = folder / "variants" / VARIANTS.get(distribution, "-") / group
        files |= {path.name: path for path in variant.glob("*.yaml")}
        files |= {path.name: path for path in OWN.glob(f"*.{group}.yaml")}
        found += (files[name] for name in sorted(files))
    return found


def definition(file: Path) -> dict[str, Any]:
    """The definition in a file."""
    found: dict[str, Any] = yaml.load(file.read_bytes(), yaml.CSafeLoader)
    return found
