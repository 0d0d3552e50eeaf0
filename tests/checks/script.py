"""The script that writes the bundle of schemas, as a module."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]


@cache
def build_script() -> ModuleType:
    """`.ci/build_schemas.py`."""
    spec = importlib.util.spec_from_file_location("build_schemas", ROOT / ".ci" / "build_schemas.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
