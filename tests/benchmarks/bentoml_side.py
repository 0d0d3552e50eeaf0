"""BentoML with the plain scoring inside: `bentoml serve tests.benchmarks.bentoml_side:Score`.

One worker with two threads, the raw image as the whole body.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import bentoml  # type: ignore[import-not-found]
from bentoml.validators import ContentType  # type: ignore[import-not-found]

from tests.benchmarks.plain import Plain

THREADS = 2


@bentoml.service(
    workers=1,
    threads=THREADS,
    metrics={"enabled": False},
    tracing={"sample_rate": 0.0},
    logging={"access": {"enabled": False}},
    traffic={"timeout": 60},
)
class Score:
    """One image in, one score out."""

    def __init__(self) -> None:
        self._plain = Plain(Path(os.environ["BENCHMARK_MODEL"]))

    @bentoml.api(route="/score")  # type: ignore[untyped-decorator]
    def score(self, data: Annotated[bytes, ContentType("image/jpeg")], /) -> dict[str, float]:
        return {"score": self._plain.score(data)}
