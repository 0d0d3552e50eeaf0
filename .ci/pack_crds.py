"""Packs CustomResourceDefinitions into .ci/crds/upstream.tar.xz, from which tests/live takes them.

Usage: python .ci/pack_crds.py FOLDER. Below FOLDER lie GROUP/PLURAL.yaml and variants/PLATFORM/GROUP/PLURAL.yaml;
source and commit of each belong into .ci/crds/README.md. The same files make the same bytes.
"""

from __future__ import annotations

import io
import lzma
import sys
import tarfile
from pathlib import Path

ARCHIVE = Path(__file__).parent / "crds" / "upstream.tar.xz"


def packed(folder: Path) -> bytes:
    """The archive of all definitions below `folder`, in the order of their names, without owners and times."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for file in sorted(folder.rglob("*.yaml")):
            member = tarfile.TarInfo(file.relative_to(folder).as_posix())
            member.size = file.stat().st_size
            with file.open("rb") as content:
                archive.addfile(member, content)
    return lzma.compress(tar.getvalue(), preset=9 | lzma.PRESET_EXTREME)


if __name__ == "__main__":
    ARCHIVE.write_bytes(packed(Path(sys.argv[1])))
