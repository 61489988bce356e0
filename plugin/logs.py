"""Logs without identifiers: our own lines speak of digests; libraries whose lines quote data are silenced."""

from __future__ import annotations

import json
import logging
import sys
import threading
import traceback
import warnings
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

QUOTING = ("pydicom", "pynetdicom", "highdicom", "dbos", "sqlalchemy", "PIL")
"""Loggers whose messages or tracebacks may hold values of a data set."""

OURS = ("dicom_io", "pipeline", "plugin")

JSON_FIELDS = ("time", "level", "logger", "thread", "message", "exception")
"""Of each object, in this order; ``exception`` only where there was one."""

MOST_CAUSES = 8


class WithoutTraceback(logging.Formatter):
    """One line a record. An exception is named by its type alone: its text and its frames may quote data."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s", "%Y-%m-%dT%H:%M:%S%z")

    def format(self, record: logging.LogRecord) -> str:
        if not record.exc_info and not record.stack_info:
            return super().format(record)
        kind = record.exc_info[0] if record.exc_info else None
        bare = logging.makeLogRecord({**record.__dict__, "exc_info": None, "exc_text": None, "stack_info": None})
        return super().format(bare) + (f" ({kind.__name__})" if kind is not None else "")


class JsonLines(logging.Formatter):
    """One object a line. An exception is told by its type and by where it came from, its causes after it.

    Of a frame the file, the line and the function are named: neither values nor the exception's own text, which may
    quote data.
    """

    def format(self, record: logging.LogRecord) -> str:
        stated: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "thread": record.threadName,
            "message": record.getMessage(),
        }
        if record.exc_info and record.exc_info[1] is not None:
            stated["exception"] = [
                {"type": type(error).__name__, "frames": _frames(error.__traceback__)}
                for error in _chain(record.exc_info[1])
            ]
        return json.dumps(stated, ensure_ascii=False)


def _chain(error: BaseException) -> list[BaseException]:
    """``error`` and what led to it, the latest first."""
    chain = [error]
    while len(chain) < MOST_CAUSES:
        last = chain[-1]
        cause = last.__cause__ or (None if last.__suppress_context__ else last.__context__)
        if cause is None or cause in chain:
            break
        chain.append(cause)
    return chain


def _frames(trace: TracebackType | None) -> list[dict[str, str | int]]:
    return [
        {"file": "/".join(Path(frame.filename).parts[-3:]), "line": frame.lineno or 0, "function": frame.name}
        for frame in traceback.extract_tb(trace, limit=-20)
    ]


def configure_logs(level: int = logging.INFO, form: str = "text") -> None:
    """Log to standard error at ``level``, as "text" or "json". Called once by the command line, never by a library."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if form == "json" else WithoutTraceback())
    for name in OURS:
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.propagate = False
        logger.setLevel(level)
    for name in QUOTING:
        logger = logging.getLogger(name)
        logger.handlers = [logging.NullHandler()]
        logger.propagate = False
        logger.setLevel(logging.CRITICAL)
    # Nothing of this is told, and looking for it costs a third of a line, of which every instance has one
    # (Logging HOWTO, "Optimization").
    logging.logProcesses = logging.logMultiprocessing = False
    logging.logThreads = form == "json"
    # pydicom's warnings quote the values they complain of, and Python's own words on a thread that died its data.
    warnings.simplefilter("ignore")
    threading.excepthook = _thread_died


def _thread_died(died: threading.ExceptHookArgs) -> None:
    if died.exc_type is not SystemExit and died.exc_value is not None:
        logging.getLogger(__name__).critical(
            "the thread %s died", died.thread.name if died.thread else "", exc_info=died.exc_value
        )
