"""Real Helm on the charts that medpattern generated: `python -m tests.benchmarks.helm_side ROOT`.

The Go library runs in this process (helm-python-sdk), so no start of a program per chart is counted.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks import medpattern_side


def command(root: Path | str) -> list[str]:
    """How this benchmark is started, in the folder that holds the package `tests`."""
    return [sys.executable, "-m", "tests.benchmarks.helm_side", str(root)]


def rendered(chart_folder: Path, release: str) -> Iterator[str]:
    """Texts that Helm renders from one generated chart with the values that lie in it."""
    import helm_python  # a large library: only the process that renders loads it

    with helm_python.Chart.load(chart_folder) as chart:
        yield from chart.render(name=release, namespace=release).values()


def versions() -> str:
    """Versions of the Python binding and of Helm within it."""
    import helm_python

    return f"helm-python-sdk {helm_python.__version__} (Helm {helm_python.helm_sdk_version()})"


def main() -> None:
    """Render every generated chart once and print how many manifests came out; or print versions."""
    if sys.argv[1] == "--version":
        print(versions())
        return
    charts = medpattern_side.rendered_charts(Path(sys.argv[1]))
    print(sum(1 for _, application, folder in charts for _ in rendered(folder, application)))


if __name__ == "__main__":
    main()
