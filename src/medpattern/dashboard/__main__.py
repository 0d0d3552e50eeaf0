"""`python -m medpattern.dashboard --port PORT`: started by `medpattern run`, ended by TERM."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from medpattern.errors import MedpatternError

HOST = "127.0.0.1"


def main(arguments: list[str] | None = None) -> int:
    """Serves until TERM or INT; returns the exit code: 0 done, 2 wrong settings, 3 something else is away."""
    parser = argparse.ArgumentParser(prog="python -m medpattern.dashboard", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one")
    try:
        run(parser.parse_args(arguments).port)
    except MedpatternError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return problem.exit_code
    return 0


def run(port: int) -> None:
    """Reads the environment, prints {"url": ...} on stdout once it listens, and serves.

    Raises:
        UsageError: a setting is missing or wrong, or the port is taken.
    """
    from medpattern.dashboard.app import build
    from medpattern.dashboard.health import Probe
    from medpattern.dashboard.images import Pictures
    from medpattern.dashboard.observer import Observer
    from medpattern.pipeline import logs
    from medpattern.pipeline.database.engine import open_engine
    from medpattern.pipeline.http.server import listen, serve
    from medpattern.pipeline.settings import Environment, StoreSettings, read_database_url, required_keys
    from medpattern.pipeline.store.objects import ObjectStore
    from medpattern.pipeline.store.sources import SourceIndex

    env = Environment(os.environ)
    state = Path(env.text("MEDPATTERN_RUN_STATE"))
    settings, keys, url = StoreSettings.read(env), required_keys(env), read_database_url(env)
    env.check()
    logs.configure(env.text("MEDPATTERN_LOG_LEVEL", "WARNING"))
    engine, store, probe = open_engine(url, read_only=True), ObjectStore(settings, connections=4), Probe()
    held = listen(HOST, port)
    print(json.dumps({"url": f"http://{HOST}:{held.getsockname()[1]}/"}), flush=True)
    try:
        app = build(engine, Observer(engine, state, probe), Pictures(engine, store, SourceIndex(store, keys)))
        serve(app, held, grace_seconds=3)
    finally:
        probe.close()
        engine.dispose()


if __name__ == "__main__":
    sys.exit(main())
