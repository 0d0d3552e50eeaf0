"""The bare loop, in a process of its own: `python -m tests.benchmarks.floor MODEL FILMS [--whole]`.

Reads lines of two numbers, threads and images, and answers each with a line of JSON: processor seconds of the loop
alone, and the score of each film.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.benchmarks.plain import Plain


def main() -> None:
    """Answer lines until there are no more."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("films", type=Path)
    parser.add_argument("--whole", action="store_true", help="decode every pixel")
    given = parser.parse_args()
    plain = Plain(given.model)
    films = [path.read_bytes() for path in sorted(given.films.iterdir())]
    scores = [plain.score(film, whole=given.whole) for film in films]
    for line in sys.stdin:
        threads, count = map(int, line.split())
        print(json.dumps({"cpu": loop(plain, films, threads, count, whole=given.whole), "scores": scores}), flush=True)


def loop(plain: Plain, films: Sequence[bytes], threads: int, count: int, *, whole: bool) -> float:
    """Processor seconds of scoring `count` images, in so many threads."""

    def some(first: int) -> None:
        for number in range(first, count, threads):
            plain.score(films[number % len(films)], whole=whole)

    with ThreadPoolExecutor(threads) as pool:
        before = time.process_time()
        list(pool.map(some, range(threads)))
        return time.process_time() - before


if __name__ == "__main__":
    main()
