"""Write a synthetic fleet for medpattern and for Kapitan: `python -m tests.benchmarks.generate DIR ...`.

A process of its own, so that its memory never counts in a measured child (a child inherits its parent's
peak until it starts its own program).
"""

import argparse
from pathlib import Path

from tests.benchmarks import fleet, kapitan_side, medpattern_side


def main() -> None:
    """Write DIR/medpattern and DIR/kapitan."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--clusters", type=int, default=100)
    parser.add_argument("--apps", type=int, default=12)
    parser.add_argument("--manifests", type=int, default=6)
    options = parser.parse_args()
    built = fleet.build(options.clusters, options.apps, options.manifests)
    medpattern_side.write(built, options.folder / "medpattern")
    kapitan_side.write(built, options.folder / "kapitan")


if __name__ == "__main__":
    main()
