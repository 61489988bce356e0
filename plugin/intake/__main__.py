"""``python -m plugin.intake``: a process that receives beside the node's own, which starts it and tells it how.

It has the same port, the same spool and the same records, and no model. It ends when the node does, however that ends.
"""

from __future__ import annotations

import itertools
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress

from dicom_io.errors import DicomError
from dicom_io.header import SiteKey
from dicom_io.receiving import RefusedCall, StoredInstance
from plugin.auditing import AuditTrail
from plugin.errors import PluginError
from plugin.intake.intake import SWITCH_SECONDS, Intake
from plugin.intake.orders import BEAT_SECONDS, Orders, Pipe, told_of
from plugin.intake.rows import Recorded
from plugin.logs import configure_logs
from plugin.observer import Observer, Observers, kind_of

log = logging.getLogger(__name__)

ENDED, FAILED = 0, 1


class Upwards(Observer):
    """Tells the node's own process what is to be counted, and has it set conflicts aside."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self._numbers = itertools.count()
        self._asked: dict[int, Future[bool]] = {}

    def received(self, stored: StoredInstance, study: str) -> None:
        self._pipe.tell({"received": kind_of(stored)})

    def refused(self, call: RefusedCall) -> None:
        self._pipe.tell({"refused": call.reason.value})

    def set_aside(self, study: str, stage: str, error: str) -> None:
        """Nothing: the node's own process sets aside."""

    def have_set_aside(self, stored: StoredInstance) -> None:
        """Returns once it is done. Raises RuntimeError where it could not be."""
        number, answer = next(self._numbers), Future[bool]()
        self._asked[number] = answer
        self._pipe.tell({"conflict": number, "stored": told_of(stored)})
        if not answer.result():
            raise RuntimeError("the node could not set it aside")

    def answered(self, number: int, done: bool) -> None:
        """The node's own process says so."""
        self._asked.pop(number).set_result(done)


class Heart(threading.Thread):
    """Says that this process is alive, for as long as it does what is to be done now and then."""

    def __init__(self, pipe: Pipe, stop: threading.Event) -> None:
        super().__init__(name="heart", daemon=True)
        self._pipe = pipe
        self._stop_beating = stop
        self._do: Callable[[], None] = lambda: None

    def doing(self, what: Callable[[], None]) -> None:
        """From now on, before every beat."""
        self._do = what

    def run(self) -> None:
        """Until the process is to stop, or whoever listens is gone."""
        with suppress(OSError, ValueError):
            while True:
                self._do()
                self._pipe.tell({"alive": True})
                if self._stop_beating.wait(BEAT_SECONDS):
                    return


def main() -> None:
    """Receive until the node says that it is enough, or is gone."""
    for number in (signal.SIGTERM, signal.SIGINT):  # sent to all of a node's processes: its own says what follows
        signal.signal(number, signal.SIG_IGN)
    pipe = Pipe(sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb"))
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what anybody prints is no message
    told = pipe.hear()
    if told is None:
        os._exit(ENDED)
    upwards, stop = Upwards(pipe), threading.Event()
    threading.Thread(target=_obey, args=(pipe, upwards, stop), name="orders", daemon=True).start()
    heart = Heart(pipe, stop)
    heart.start()
    orders = Orders.decoded(told)
    configuration = orders.configuration
    configure_logs(form=configuration.logging.format)
    sys.setswitchinterval(SWITCH_SECONDS)
    trail = AuditTrail(configuration)
    try:
        key = SiteKey.from_file(configuration.key_path)
        intake = Intake(configuration, key, Observers(trail, upwards), place=orders.place, opened=orders.opened)
        intake.hand_over(_accepting(intake, upwards))
        heart.doing(intake.spool.keep_up)
        intake.open()
    except (OSError, DicomError, PluginError) as error:
        log.error("receiving process %d cannot receive: %s", orders.place, error)
        os._exit(FAILED)
    trail.start()
    pipe.tell({"open": True})
    stop.wait()
    intake.close()
    trail.stop()
    logging.shutdown()
    os._exit(ENDED)


def _accepting(intake: Intake, upwards: Upwards) -> Callable[[StoredInstance], Recorded | None]:
    def accept(stored: StoredInstance) -> Recorded | None:
        recorded = intake.record(stored)
        if recorded is not None and stored.conflict:
            upwards.have_set_aside(stored)
        return recorded

    return accept


def _obey(pipe: Pipe, upwards: Upwards, stop: threading.Event) -> None:
    while (message := pipe.hear()) is not None:
        if "stop" in message:
            stop.set()
        elif "set_aside" in message:
            upwards.answered(message["set_aside"], message["done"])
    os._exit(ENDED)


if __name__ == "__main__":
    main()
