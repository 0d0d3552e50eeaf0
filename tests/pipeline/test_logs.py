"""Logs hold what was meant to be logged, and nothing that a library or an exception quotes."""

from __future__ import annotations

import json
import subprocess
import sys

PROGRAM = """
import logging, warnings
from medpattern.pipeline import logs
logs.configure("INFO")
log = logging.getLogger("medpattern.test")
log.info("told", extra={"image": "abc"})
warnings.warn("value 'DOE^JANE' is not valid")
logging.getLogger("botocore.hooks").info("GET /bucket/DOE^JANE.png")
logging.getLogger("pydicom").info("(0010,0010) DOE^JANE")
try:
    int("DOE^JANE")
except ValueError:
    log.exception("not foreseen")
log.debug("too much")
"""


def test_lines_are_json_and_quote_nothing_foreign() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [(line["level"], line["message"]) for line in lines] == [("INFO", "told"), ("ERROR", "not foreseen")]
    assert lines[0]["image"] == "abc"
    assert lines[0]["time"].endswith("Z")
    assert (lines[1]["error"], lines[1]["at"].partition(":")[0]) == ("ValueError", "__main__")
    assert "DOE" not in done.stderr + done.stdout
