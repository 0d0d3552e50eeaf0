"""Logs as one JSON object a line on stderr. What may identify a patient is never passed to a logger."""

from __future__ import annotations

import json
import logging
import sys

from medpattern.pipeline.clock import now, rfc3339

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """Time, level, logger, message and whatever was given as `extra`; of an exception its type and place alone.

    The text of a foreign exception may quote its input (a DICOM value, an object's key), so it stays out.
    """

    def format(self, record: logging.LogRecord) -> str:
        line = {"time": rfc3339(now()), "level": record.levelname, "logger": record.name}
        line["message"] = record.getMessage()
        line |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info and record.exc_info[0]:
            line["error"] = record.exc_info[0].__name__
            trace = record.exc_info[2]
            while trace and trace.tb_next:
                trace = trace.tb_next
            if trace:
                line["at"] = f"{trace.tb_frame.f_globals.get('__name__')}:{trace.tb_lineno}"
        return json.dumps(line, ensure_ascii=False, default=str)


def configure(level: str) -> None:
    """Sends all logs from `level` on to stderr; libraries speak from WARNING on only."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # A warning may quote what it warns of: pydicom prints values, which are names.
    logging.captureWarnings(True)
    logging.getLogger("py.warnings").setLevel(logging.CRITICAL)
    for name in ("boto3", "botocore", "urllib3", "s3transfer", "alembic", "sqlalchemy", "pydicom", "pynetdicom", "PIL"):
        # Their lower levels print keys and headers of requests.
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(level)))
