"""What is logged: our lines without tracebacks, and nothing of libraries that quote data."""

from __future__ import annotations

import logging
import subprocess
import sys

from plugin.commands.logs import WithoutTraceback

SECRET = "Quillfeather"


def test_an_exception_is_named_but_not_quoted() -> None:
    try:
        raise ValueError(SECRET)
    except ValueError:
        record = logging.LogRecord("plugin", logging.ERROR, __file__, 1, "it failed", (), sys.exc_info())
    line = WithoutTraceback().format(record)
    assert line.endswith("ERROR plugin it failed (ValueError)")
    assert SECRET not in line


def test_libraries_that_quote_data_are_silent() -> None:
    program = f"""
import logging, warnings
from plugin.commands.logs import QUOTING, configure_logs
configure_logs()
for name in QUOTING:
    logging.getLogger(name).error("{SECRET}")
    logging.getLogger(name + ".part").error("{SECRET}")
warnings.warn("{SECRET}")
logging.getLogger("plugin.node.node").info("listening")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert SECRET not in done.stdout + done.stderr
    assert done.stderr.strip().endswith("INFO plugin.node.node listening")
