"""What the commands that run a stage of the pipeline share: where they listen, their settings, their logs."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from medpattern.errors import UsageError

if TYPE_CHECKING:
    from medpattern.pipeline.settings import Environment

Host = Annotated[
    str, typer.Option("--host", envvar="MEDPATTERN_HOST", help="Address to listen on; a container sets 0.0.0.0.")
]
Port = Annotated[int, typer.Option("--port", envvar="PORT", min=0, max=65535, help="Port; 0 takes a free one.")]
MetricsPort = Annotated[
    int,
    typer.Option(
        "--metrics-port",
        envvar="MEDPATTERN_METRICS_PORT",
        min=0,
        max=65535,
        help="Port of health and metrics; 0: none.",
    ),
]
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


def begin() -> Environment:
    """The settings of the environment; logs begin with the level of MEDPATTERN_LOG_LEVEL.

    Raises:
        UsageError: the libraries of the pipeline are not installed, or the level is none.
    """
    try:
        import starlette  # noqa: F401
    except ImportError:
        raise UsageError("this command needs more libraries: pip install 'medpattern[pipeline]'") from None
    from medpattern.pipeline import logs
    from medpattern.pipeline.settings import Environment

    level = os.environ.get("MEDPATTERN_LOG_LEVEL") or "INFO"
    if level not in _LEVELS:
        raise UsageError(f"MEDPATTERN_LOG_LEVEL is {level!r}: one of {', '.join(_LEVELS)} is wanted")
    logs.configure(level)
    if hasattr(signal, "SIGPIPE"):
        # A peer that closes its socket must not end a server; `main` lets it, for the sake of `| head`.
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    return Environment(os.environ)


@contextmanager
def until_asked_to_end() -> Iterator[threading.Event]:
    """An event that TERM and INT set; a second one ends the program at once."""
    stopping = threading.Event()
    before: dict[signal.Signals, Callable[..., object] | int | None] = {}

    def stop(number: int, _frame: object) -> None:
        stopping.set()
        signal.signal(number, before[signal.Signals(number)])

    for number in (signal.SIGINT, signal.SIGTERM):
        before[number] = signal.signal(number, stop)
    try:
        yield stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
