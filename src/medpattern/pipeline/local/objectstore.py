"""The embedded object store as a process: moto's S3 and SNS on 127.0.0.1, everything in memory.

python -m medpattern.pipeline.local.objectstore PORT
"""

from __future__ import annotations

import logging
import signal
import sys


def main(port: str) -> None:
    """Listens on `port` of 127.0.0.1 until it is ended."""
    from moto.server import ThreadedMotoServer

    # Its request log would hold keys.
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=int(port), verbose=False)
    server.start()
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    server.stop()


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    main(*sys.argv[1:])
