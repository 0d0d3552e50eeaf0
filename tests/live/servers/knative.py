"""Knative's own judgement of objects, by the program of tests/live/tools/knative."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from typing import Any

from tests.live.servers.built import KNATIVE, built
from tests.real.servers.programs import FailedError


def verdicts(things: Sequence[dict[str, Any]]) -> list[str]:
    """Why Knative's webhook would refuse to create each Service or Configuration; "" for one that it takes."""
    program = built(KNATIVE, "knative-verdict")
    done = subprocess.run([program], input=json.dumps(things), capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise FailedError(f"{program.name} ended with {done.returncode}: {done.stderr}")
    found: list[str] = json.loads(done.stdout)
    return found
