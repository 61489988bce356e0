"""Takes audit messages to the syslog server, in a thread of its own, for as long as it takes.

Of several processes of a node one sends what all of them put in; when it ends, another one goes on.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from plugin.auditing.spool import AuditSpool
from plugin.auditing.syslog import SyslogConnection

log = logging.getLogger(__name__)

MOST_AT_ONCE = 100
FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0
"""Seconds between two tries while the server is away."""


class AuditSender:
    """``tick`` is called about once a second. Whatever goes wrong is said once, and nothing else waits for it."""

    def __init__(
        self, spool: AuditSpool, connection: SyslogConnection, tick: Callable[[], None], period_seconds: float = 1.0
    ) -> None:
        self._spool = spool
        self._connection = connection
        self._tick = tick
        self._period = period_seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="audit", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, grace_seconds: float = 5.0) -> None:
        """One more try for what waits; the rest is sent after the next start."""
        self._stop.set()
        self._thread.join(grace_seconds)

    def _run(self) -> None:
        wait, told = FIRST_WAIT, False
        while True:
            last = self._stop.is_set()
            try:
                self._tick()
                while self._spool.is_taken_by_us() and self._send_some():
                    pass
                if told:
                    log.info("audit messages reach the syslog server again")
                wait, told, pause = FIRST_WAIT, False, self._period
            except Exception as error:  # refused, reset, a certificate, a full disk: tried on
                if not told:
                    log.error("audit messages do not reach the syslog server (%s); they wait", type(error).__name__)
                pause, told = wait, True
                wait = min(2 * wait, LONGEST_WAIT)
            if last:
                break
            self._stop.wait(pause)
        self._connection.close()
        self._spool.leave()

    def _send_some(self) -> bool:
        """Whether there may be more."""
        paths = self._spool.waiting(MOST_AT_ONCE)
        if paths:
            self._connection.send([path.read_bytes() for path in paths])
            for path in paths:
                path.unlink(missing_ok=True)
        return len(paths) == MOST_AT_ONCE
