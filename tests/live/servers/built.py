"""The programs that .ci/install_cluster.sh builds from the pins of tests/live/tools."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from tests.real.servers.programs import MissingError

TOOLS = Path(__file__).parents[1] / "tools"
CONTROL_PLANE = "control-plane"
KNATIVE = "knative"


def cache() -> Path:
    """The folder of what is built and made once."""
    if named := os.environ.get("MEDPATTERN_CI_CACHE"):
        return Path(named) / "cluster"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "medpattern" / "cluster"


def digest(module: str) -> str:
    """Names one state of a module; .ci/install_cluster.sh makes the same."""
    folder = TOOLS / module
    files = [folder / "go.mod", folder / "go.sum", *sorted(folder.glob("*.go"))]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]


def built(module: str, name: str) -> Path:
    """The path of a program; `MissingError` where it was not built yet, or from other pins."""
    path = cache() / f"{name}-{digest(module)}"
    if not path.exists():
        raise MissingError(f"there is no {path.name} in {path.parent}; run .ci/install_cluster.sh (needs Go)")
    return path
