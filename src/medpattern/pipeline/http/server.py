"""uvicorn as every HTTP stage runs it: httptools, uvloop, a graceful end, no access log (paths may name things)."""

from __future__ import annotations

import signal
import socket
import threading
from typing import TYPE_CHECKING, Any

from starlette.types import ASGIApp

from medpattern.errors import UsageError

if TYPE_CHECKING:
    from medpattern.pipeline.http.tls import Certificate


def listen(host: str, port: int, backlog: int = 2048) -> socket.socket:
    """A listening TCP socket; port 0 takes a free one.

    Raises:
        UsageError: the address is taken or not ours.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    held = socket.socket(family, socket.SOCK_STREAM)
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        held.bind((host, port))
    except OSError as problem:
        held.close()
        raise UsageError(f"cannot listen on {host}:{port}: {problem.strerror}; choose another --port") from None
    held.listen(backlog)
    held.set_inheritable(True)
    return held


def serve(
    app: ASGIApp, held: socket.socket, *, grace_seconds: int = 30, certificate: Certificate | None = None
) -> None:
    """Answers on `held` until TERM or INT; requests being handled then have `grace_seconds` to end.

    With a `certificate` by TLS alone. Returns then, so that what the caller has opened is closed.
    """
    import uvicorn

    # Before anything listens: files that are none are told now.
    context = certificate.context() if certificate else None

    settings: dict[str, Any] = {
        "loop": "uvloop",
        "http": "httptools",
        "ws": "none",
        "lifespan": "on",
        "access_log": False,
        "log_config": None,
        "server_header": False,
        "timeout_graceful_shutdown": grace_seconds,
        "timeout_keep_alive": 75,
    }
    config = uvicorn.Config(app, **settings)
    config.load()
    config.ssl = context
    server = uvicorn.Server(config)

    def ask_to_end(number: int, _frame: object) -> None:
        # uvicorn raises the signal once more when it has ended in order; that one changes nothing.
        if not server.should_exit:
            raise SystemExit(128 + number)

    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, ask_to_end)
    end_watch = certificate.keep_fresh(context) if certificate and context else lambda: None
    try:
        server.run(sockets=[held])
    finally:
        end_watch()
