"""How a stage that answers HTTP begins and ends."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from medpattern.errors import UsageError
from medpattern.pipeline.http.server import listen

PROGRAM = """
import sys
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
from medpattern.pipeline.http.server import listen, serve

async def slow(_request):
    import asyncio
    print("working", flush=True)
    await asyncio.sleep(1)
    return Response("done")

held = listen("127.0.0.1", 0)
print(held.getsockname()[1], flush=True)
serve(Starlette(routes=[Route("/", slow)]), held)
print("cleaned up", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_is_being_handled_is_finished_and_the_stage_ends_with_0(number: signal.Signals) -> None:
    process = subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    port = int(process.stdout.readline())
    client = subprocess.Popen(
        [sys.executable, "-c", f"import urllib.request as u; print(u.urlopen('http://127.0.0.1:{port}/').read())"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "working\n"
    process.send_signal(number)
    out, _ = client.communicate(timeout=60)
    assert "done" in out
    rest, _ = process.communicate(timeout=60)
    assert (process.returncode, rest) == (0, "cleaned up\n")


def test_a_port_that_is_taken_is_named() -> None:
    held = listen("127.0.0.1", 0)
    port = held.getsockname()[1]
    with pytest.raises(UsageError, match=f"127.0.0.1:{port}.*--port"):
        listen("127.0.0.1", port)
    held.close()
