"""Loaded by every Python that `Clock` gives its environment: a time.sleep that libfaketime 0.9.10 lets be.

time.sleep is clock_nanosleep of the monotonic clock, which that version answers with EINVAL when told to leave the
clock alone.
"""

import select
import time
from typing import Any


def sleep(seconds: Any, /) -> None:
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        select.select([], [], [], left)


time.sleep = sleep
