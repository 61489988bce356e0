"""``twinveil serve``: the node until it is told to stop."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, NoReturn

from dicom_io.header import SiteKey
from plugin.commands.exit_status import ExitStatus
from plugin.config import Configuration
from plugin.node import Node

if TYPE_CHECKING:
    from pipeline.edits import TwinMaker

log = logging.getLogger(__name__)

GRACE_SECONDS = 30.0
"""How long running steps may take to end. What is cut off then is done again at the next start."""


def serve(configuration: Configuration, key: SiteKey, twins: TwinMaker) -> NoReturn:
    """Run until SIGTERM or SIGINT, then let running steps end and leave the process."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    node = Node(configuration, key, twins)
    node.start()
    section = configuration.listener
    print(f"{section.ae_title} listens on {section.host}:{node.listener.port}", flush=True)
    if not configuration.callers:
        log.warning("no callers are configured: every association is rejected")
    if not configuration.destinations:
        log.warning("no destinations are configured: results are quarantined")
    stopping.wait()
    log.info("stopping")
    if not node.stop(GRACE_SECONDS):
        log.warning("a step did not end in %g seconds; it is done again at the next start", GRACE_SECONDS)
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    # Not sys.exit: that waits for threads that may sleep for an hour before the next try of a delivery.
    os._exit(int(ExitStatus.RELEASED))
