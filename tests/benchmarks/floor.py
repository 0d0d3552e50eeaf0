"""The bare loop, in a process of its own: `python -m tests.benchmarks.floor MODEL FILMS --threads 1 --count 200`.

Prints one line of JSON: CPU seconds and clock seconds of the loop alone, and the scores of the first pass.
"""

from __future__ import annotations

import argparse
import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.benchmarks.plain import Plain


def main() -> None:
    """Score `--count` films in `--threads` threads."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("films", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--whole", action="store_true", help="decode every pixel")
    given = parser.parse_args()
    plain = Plain(given.model)
    films = [path.read_bytes() for path in sorted(given.films.iterdir())]
    scores = [plain.score(film, whole=given.whole) for film in films]

    def loop(first: int) -> None:
        for number in range(first, given.count, given.threads):
            plain.score(films[number % len(films)], whole=given.whole)

    wall, cpu = time.perf_counter(), time.process_time()
    if given.threads == 1:
        loop(0)
    else:
        with ThreadPoolExecutor(given.threads) as pool:
            list(pool.map(loop, range(given.threads)))
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    print(json.dumps({"cpu": cpu, "wall": wall, "scores": scores}))


if __name__ == "__main__":
    main()
