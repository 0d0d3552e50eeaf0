"""Write the SBOM of an image (CycloneDX 1.6, JSON) to the standard output, or fail where it is not valid.

Runs in the environment that .ci/image.sh makes for cyclonedx-bom, which found the Python packages. Added here: the
Debian packages and the image itself, which everything belongs to. The same input gives the same bytes.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

VERSION = SchemaVersion.V1_6
INSTALLED = "ii"  # dpkg: wanted and there


def debian_packages(listing: str, system: dict[str, str]) -> Iterator[Component]:
    """One component for each installed package; lines are of the form `ii bash 5.2.15-2+b7 amd64`."""
    for line in listing.splitlines():
        status, name, version, architecture = line.split()
        if status != INSTALLED:
            continue
        qualifiers = {"arch": architecture, "distro": f"{system['ID']}-{system['VERSION_ID']}"}
        purl = PackageURL("deb", system["ID"], name, version, qualifiers)
        yield Component(type=ComponentType.LIBRARY, name=name, version=version, purl=purl, bom_ref=str(purl))


def os_release(text: str) -> dict[str, str]:
    """What /etc/os-release says, os-release(5)."""
    lines = (line.partition("=") for line in text.splitlines() if line and not line.startswith("#"))
    return {name: "".join(shlex.split(value)) for name, _, value in lines}


def container(image: str, digest: str) -> Component:
    """The image; `image` is its name with a tag."""
    repository, _, tag = image.rpartition(":")
    name = repository.rpartition("/")[2]
    purl = PackageURL("oci", None, name, digest, {"tag": tag})
    return Component(type=ComponentType.CONTAINER, name=name, version=tag, purl=purl, bom_ref=str(purl))


def whole(python: Bom, debian: list[Component], image: Component) -> Bom:
    """`python` with the Debian packages, all of them parts of `image`."""
    for component in debian:
        python.components.add(component)
    python.metadata.component = image
    python.metadata.timestamp = datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), UTC)
    python.serial_number = uuid.uuid5(uuid.NAMESPACE_URL, str(image.purl))
    python.register_dependency(image, python.components)
    return python


def main() -> int:
    """Merge, validate, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("--python", "--debian", "--os-release"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--image", required=True)
    parser.add_argument("--digest", required=True)
    given = parser.parse_args()

    system = os_release(given.os_release.read_text("utf-8"))
    debian = list(debian_packages(given.debian.read_text("utf-8"), system))
    python = Bom.from_json(json.loads(given.python.read_text("utf-8")))
    bom = whole(python, debian, container(given.image, given.digest))
    text = make_outputter(bom, OutputFormat.JSON, VERSION).output_as_string(indent=2)
    if problem := JsonStrictValidator(VERSION).validate_str(text):
        print(f"the SBOM is no valid CycloneDX: {problem}", file=sys.stderr)
        return 1
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
