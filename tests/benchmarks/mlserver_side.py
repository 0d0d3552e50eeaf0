"""MLServer with the plain scoring inside: its settings, and the runtime that it loads from this module.

A lean form: one process (no workers for parallel inference), a handler of its own that gets the raw image, no
compression, no metrics; two threads score, as in medpattern's service.
"""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

THREADS = 2


def write_settings(folder: Path, model: Path, ports: tuple[int, int, int]) -> None:
    """The files that `mlserver start FOLDER` reads; `ports` are those of HTTP, gRPC and metrics."""
    folder.mkdir(parents=True)
    server = {
        "host": "127.0.0.1",
        "http_port": ports[0],
        "grpc_port": ports[1],
        "metrics_port": ports[2],
        "parallel_workers": 0,
        "debug": False,
        "gzip_enabled": False,
        "metrics_endpoint": None,
    }
    (folder / "settings.json").write_text(json.dumps(server), "utf-8")
    served = {"name": "plain", "implementation": f"{__name__}.PlainRuntime", "parameters": {"uri": str(model)}}
    (folder / "model-settings.json").write_text(json.dumps(served), "utf-8")


try:
    from mlserver import MLModel  # type: ignore[import-not-found]
    from mlserver.handlers import custom_handler  # type: ignore[import-not-found]
    from starlette.requests import Request
    from starlette.responses import Response
except ImportError:  # in medpattern's own environment, which only writes the settings
    pass
else:
    from tests.benchmarks.plain import Plain

    class PlainRuntime(MLModel):  # type: ignore[misc]
        """One image in, one score out."""

        async def load(self) -> bool:
            self._plain = Plain(Path(self.settings.parameters.uri))
            self._pool = ThreadPoolExecutor(THREADS)
            return True

        @custom_handler(rest_path="/score")  # type: ignore[untyped-decorator]
        async def score(self, request: Request) -> Any:
            data = await request.body()
            score = await asyncio.get_running_loop().run_in_executor(self._pool, self._plain.score, data)
            return Response(json.dumps({"score": score}), media_type="application/json")
