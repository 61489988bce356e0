"""pydicom's warnings quote the values that they complain of, and those are patients' values: they are never shown.

It both warns and logs. Its logger is silenced for good when this module is imported; its warnings inside ``quiet()``.
What is wrong with a data set is said by our own errors, which name attributes and never quote them.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


def _say_nothing(record: logging.LogRecord) -> bool:
    return False


logging.getLogger("pydicom").addFilter(_say_nothing)


@contextmanager
def quiet() -> Iterator[None]:
    """No Python warning from inside this block reaches the terminal, the log, or becomes an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
