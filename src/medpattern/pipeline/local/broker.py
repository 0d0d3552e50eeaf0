"""The embedded broker as a process: prints its address as one JSON line and lives until it is ended.

python -m medpattern.pipeline.local.broker FILE TOPIC=PARTITIONS ...
"""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

from medpattern.pipeline.kafka.embedded import EmbeddedBroker


def main(file: str, *topics: str) -> None:
    """Writes {"bootstrap": ...} to `file` once it listens."""
    wanted = {name: int(partitions) for name, _, partitions in (topic.partition("=") for topic in topics)}
    broker = EmbeddedBroker(wanted)
    scratch = Path(file + ".new")
    scratch.write_text(json.dumps({"bootstrap": broker.bootstrap}), encoding="utf-8")
    scratch.rename(file)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    broker.close()


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    main(*sys.argv[1:])
