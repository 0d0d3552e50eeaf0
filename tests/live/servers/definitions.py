"""The custom kinds that a test cluster has: definitions from MEDPATTERN_CRDS, or ../shared/crds, and from .ci/crds.

Below MEDPATTERN_CRDS lie `GROUP/PLURAL.yaml` and `variants/PLATFORM/GROUP/PLURAL.yaml`, what another platform declares
under the same name; a definition of its own takes the place of the ordinary one.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from tests.real.servers.programs import MissingError

CHECKOUT = Path(__file__).parents[3]
OWN = CHECKOUT / ".ci" / "crds"
# What OpenShift declares otherwise; .ci/build_schemas.py makes its schemas of the same.
VARIANTS = {"openshift": "openshift-serverless-1.37"}


def definition_folder() -> Path:
    """Where the definitions lie; `MissingError` with what to do where they do not."""
    folder = Path(os.environ.get("MEDPATTERN_CRDS") or CHECKOUT.parent / "shared" / "crds")
    if not folder.is_dir():
        raise MissingError(
            f"there is no folder {folder} of CustomResourceDefinitions; name one by MEDPATTERN_CRDS, with the files "
            "GROUP/PLURAL.yaml, such as kafka.strimzi.io/kafkatopics.yaml, of the versions in docs/testing.md"
        )
    return folder


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
