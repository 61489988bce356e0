"""What is logged: our lines without tracebacks, and nothing of libraries that quote data."""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
from pathlib import Path

from plugin.logs import JSON_FIELDS, JsonLines, WithoutTraceback

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
from plugin.logs import QUOTING, configure_logs
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


def test_a_line_of_json_names_the_exception_and_where_it_came_from_without_quoting_it() -> None:
    try:
        try:
            raise KeyError(SECRET)
        except KeyError as error:
            raise ValueError(SECRET) from error
    except ValueError:
        record = logging.LogRecord("plugin", logging.ERROR, __file__, 1, "it failed: %d", (7,), sys.exc_info())
    line = JsonLines().format(record)
    assert SECRET not in line
    assert "\n" not in line
    said = json.loads(line)
    assert tuple(said) == JSON_FIELDS
    assert (said["level"], said["logger"], said["message"]) == ("error", "plugin", "it failed: 7")
    assert [each["type"] for each in said["exception"]] == ["ValueError", "KeyError"]
    (frame,) = said["exception"][0]["frames"]
    assert frame["file"] == "tests/plugin/test_logs.py"
    assert frame["function"] == "test_a_line_of_json_names_the_exception_and_where_it_came_from_without_quoting_it"


def test_a_thread_that_dies_says_so_and_quotes_nothing() -> None:
    program = f"""
import threading
from plugin.logs import configure_logs
configure_logs(form="json")
def fail(): raise ValueError("{SECRET}")
thread = threading.Thread(target=fail, name="courier")
thread.start()
thread.join()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    (line,) = done.stderr.splitlines()
    assert SECRET not in line
    said = json.loads(line)
    assert (said["level"], said["message"], said["exception"][0]["type"]) == (
        "critical", "the thread courier died", "ValueError",
    )  # fmt: skip


def test_every_field_is_documented(repository: Path) -> None:
    section = (repository / "docs" / "watching.md").read_text().partition("## The log")[2].partition("\n## ")[0]
    assert tuple(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == JSON_FIELDS
