"""pydicom's warnings quote the values that they complain of, and those are patients' values: they are never shown.

It both warns and logs. Its logger is silenced for good when this module is imported; its warnings inside ``quiet()``.
What is wrong with a data set is said by our own errors, which name attributes and never quote them.
"""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


def _say_nothing(record: logging.LogRecord) -> bool:
    return False


logging.getLogger("pydicom").addFilter(_say_nothing)


_lock = threading.Lock()
_inside = 0
_hushed = warnings.catch_warnings()


@contextmanager
def quiet() -> Iterator[None]:
    """No Python warning from inside this block reaches the terminal, the log, or becomes an error.

    Warning filters belong to the process, not to a thread: the first thread to enter hushes them, the last to leave
    puts back what was there, so that none restores another's silence for good or breaks it too early.
    """
    global _inside, _hushed
    with _lock:
        if _inside == 0:
            _hushed = warnings.catch_warnings()
            _hushed.__enter__()
            warnings.simplefilter("ignore")
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                _hushed.__exit__(None, None, None)
