"""The command line on a terminal of its own."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

from tests.fleet.small import CHECKOUT


def on_a_terminal(root: Path, *arguments: str, **environment: str) -> str:
    """What `medpattern` prints in the folder `root`, stdout and stderr together."""
    controller, terminal = pty.openpty()
    done = subprocess.Popen(
        [sys.executable, "-m", "medpattern", *arguments], cwd=root, stdout=terminal, stderr=terminal,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT / "src"), **environment},
    )  # fmt: skip
    os.close(terminal)
    text = b""
    try:
        while more := os.read(controller, 65536):
            text += more
    except OSError:
        pass  # Linux says so when the other end is closed
    done.wait()
    os.close(controller)
    return text.decode()
