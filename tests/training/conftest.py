"""Tests of the training need what extra [train] brings; `make test-train` installs it and runs them.

With MEDPATTERN_REQUIRE_TORCH=1 (`make test-train`, .ci/run) whatever is missing is a failure, and so is every skip.
Without it the modules whose libraries are missing are not collected, so that nothing is skipped and counted as passed.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

from tests.missing import hooks

REQUIRED = os.environ.get("MEDPATTERN_REQUIRE_TORCH") == "1"
# What a module needs; all others need PyTorch.
NEEDS = {"test_tracking.py": "mlflow"}

pytest_runtest_setup, pytest_runtest_call, pytest_runtest_makereport = hooks(required=REQUIRED)


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    if REQUIRED or not collection_path.name.startswith("test_"):
        return None
    return True if find_spec(NEEDS.get(collection_path.name, "torch")) is None else None
