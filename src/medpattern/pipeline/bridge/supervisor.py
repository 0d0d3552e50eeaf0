"""A parent that holds the listening socket, and the child that answers on it.

Killed, the child leaves its connections in the socket's queue, where the next child takes them: whoever posts
waits and is not refused. (A queue of Ceph whose endpoint refuses may never go on.)
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field

from medpattern.errors import MedpatternError

_LOG = logging.getLogger(__name__)
_SIGNALS = (signal.SIGTERM, signal.SIGINT)

# What the child does; it calls its argument as soon as it answers, and returns its exit code.
Work = Callable[[Callable[[], None]], int]


@dataclass(slots=True)
class Supervisor:
    """Runs `work` in a child, and again whenever the child ends, until TERM or INT.

    `most_failures` children in a row that never answered end the parent. Pauses between them double from
    `first_pause` to `longest_pause` seconds; a child that lived for `steady` seconds begins anew.
    """

    work: Work
    most_failures: int = 5
    first_pause: float = 0.1
    longest_pause: float = 5.0
    steady: float = 10.0
    _child: int = 0
    _ending: threading.Event = field(default_factory=threading.Event)

    def run(self) -> int:
        """The exit code: 0 after an ordered end, else that of the last child that failed to start."""
        for number in _SIGNALS:
            signal.signal(number, self._end)
        failures = quick = 0
        while True:
            begun = time.monotonic()
            status, answered = self._once()
            if self._ending.is_set():
                return max(status, 0) if status != -signal.SIGTERM else 0
            failures = 0 if answered else failures + 1
            quick = 0 if time.monotonic() - begun > self.steady else quick + 1
            _LOG.error("the bridge ended", extra={"status": status, "answered": answered, "failures": failures})
            if failures >= self.most_failures:
                return status if status > 0 else 1
            # The first goes at once: somebody waits in the queue.
            if quick > 1 and self._ending.wait(min(self.longest_pause, self.first_pause * 2.0 ** min(quick, 30))):
                return 0

    def _end(self, _number: int, _frame: object) -> None:
        self._ending.set()
        with contextlib.suppress(ProcessLookupError):
            if self._child:
                os.kill(self._child, signal.SIGTERM)

    def _once(self) -> tuple[int, bool]:
        """One child: its exit code (a signal as a negative number), and whether it ever answered."""
        heard, say = os.pipe()
        lives, life = os.pipe()
        # A signal between the fork and the next lines would be lost, or end in the wrong process.
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        self._child = os.fork()
        if not self._child:
            os.close(heard)
            os.close(life)
            self._be_child(say, lives)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        os.close(say)
        os.close(lives)
        if self._ending.is_set():
            self._end(signal.SIGTERM, None)
        _pid, status = os.waitpid(self._child, 0)
        self._child = 0
        answered = bool(os.read(heard, 1))
        os.close(heard)
        os.close(life)
        return os.waitstatus_to_exitcode(status), answered

    def _be_child(self, say: int, lives: int) -> None:
        """Never returns."""
        code = 1
        try:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal; the parent sends TERM
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            threading.Thread(target=_end_with_parent, args=(lives,), daemon=True).start()
            code = self.work(lambda: _write(say))
        except MedpatternError as problem:
            print(f"error: {problem}", file=sys.stderr)
            code = problem.exit_code
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)


def _write(say: int) -> None:
    os.write(say, b"1")


def _end_with_parent(lives: int) -> None:
    # The other end is the parent's alone: the read ends when the parent does.
    os.read(lives, 1)
    os.kill(os.getpid(), signal.SIGTERM)
