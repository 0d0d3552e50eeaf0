"""Free ports that stay free.

A server that is killed and started again needs its old port. Ports of the kernel's ephemeral range may go to
any outgoing connection meanwhile (even to the client that waits for this very server), and another worker may pick the
same one. So ports are taken below or above that range and held by a lock file as long as this process lives.
"""

from __future__ import annotations

import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path

EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")
CANDIDATES = range(12_000, 64_000)

_held: list[int] = []  # descriptors of lock files; the kernel lets go of them with the process


def free_ports(count: int) -> list[int]:
    """`count` ports on 127.0.0.1 that nobody listens on and no other caller on this machine was given."""
    first, last = _ephemeral_range()
    candidates = [port for port in CANDIDATES if not first <= port <= last]
    random.SystemRandom().shuffle(candidates)
    found: list[int] = []
    while len(found) < count:
        if not candidates:
            raise RuntimeError("there is no free port left outside the kernel's ephemeral range")
        port = candidates.pop()
        if _reserve(port):
            found.append(port)
    return found


def free_port() -> int:
    """One port, as of `free_ports`."""
    return free_ports(1)[0]


def listening(port: int) -> bool:
    """Whether something accepts connections on this port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _ephemeral_range() -> tuple[int, int]:
    try:
        first, last = EPHEMERAL.read_text("ascii").split()
    except OSError:
        return 32_768, 60_999
    return int(first), int(last)


def _reserve(port: int) -> bool:
    folder = Path(tempfile.gettempdir()) / f"medpattern-ports-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    lock = os.open(folder / str(port), os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with socket.socket() as probe:
            # As servers do: a connection of the past that lingers in TIME_WAIT is in nobody's way.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
    except OSError:
        os.close(lock)
        return False
    _held.append(lock)
    return True
