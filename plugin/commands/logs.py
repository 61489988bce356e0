"""Logs without identifiers: our own lines speak of digests; libraries whose lines quote data are silenced."""

from __future__ import annotations

import logging
import sys
import warnings

QUOTING = ("pydicom", "pynetdicom", "highdicom", "dbos", "sqlalchemy", "PIL")
"""Loggers whose messages or tracebacks may hold values of a data set."""

OURS = ("dicom_io", "pipeline", "plugin")


class WithoutTraceback(logging.Formatter):
    """One line a record. An exception is named by its type alone: its text and its frames may quote data."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s", "%Y-%m-%dT%H:%M:%S%z")

    def format(self, record: logging.LogRecord) -> str:
        kind = record.exc_info[0] if record.exc_info else None
        bare = logging.makeLogRecord({**record.__dict__, "exc_info": None, "exc_text": None, "stack_info": None})
        return super().format(bare) + (f" ({kind.__name__})" if kind is not None else "")


def configure_logs(level: int = logging.INFO) -> None:
    """Log to standard error at ``level``. Called once by the command line, never by a library."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(WithoutTraceback())
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
    # pydicom's warnings quote the values they complain of.
    warnings.simplefilter("ignore")
