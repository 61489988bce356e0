"""Node after node, each a fork of one process that has imported everything: ``python -m tests.crash.zygote``.

A line of JSON on standard input starts one: {"configuration": path, "point": [function, when, nth] or null}. Answered
by "pid N" at once, by "port N" when it listens, and by "ended STATUS" when it is over, whoever ended it.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from highdicom._standard_utils import is_attribute_in_iod
from pydicom.uid import SegmentationStorage

import plugin.node.node as node_module
from dicom_io.header import SiteKey
from plugin.commands.serve import serve
from plugin.config import load_configuration
from plugin.logs import configure_logs
from tests.crash import points
from tests.plugin.fakes import MirroringTwinMaker, NoText


def live(order: dict[str, object]) -> None:
    """A whole life of a node, in a child process."""
    point = order["point"]
    if isinstance(point, Sequence):
        points.install(*point)
    configuration = load_configuration(Path(str(order["configuration"])))
    configure_logs()
    serve(configuration, SiteKey.from_file(configuration.key_path), lambda _: MirroringTwinMaker())


def main() -> None:
    node_module.load_text_remover = NoText  # type: ignore[assignment]
    is_attribute_in_iod("Rows", SegmentationStorage)  # else each node reads highdicom's tables anew, for a second
    assert threading.active_count() == 1, "a thread would not survive the fork, and its locks would"
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            try:
                live(order)
            finally:
                os._exit(1)
        print(f"pid {child}", flush=True)
        _, status = os.waitpid(child, 0)
        print(f"ended {os.waitstatus_to_exitcode(status)}", flush=True)


if __name__ == "__main__":
    main()
