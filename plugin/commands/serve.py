"""``twinveil serve``: the node until it is told to stop."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, NoReturn

from dicom_io.header import SiteKey
from plugin.auditing import AuditTrail
from plugin.commands.exit_status import ExitStatus
from plugin.config import Configuration
from plugin.intake import SWITCH_SECONDS, Intake
from plugin.observer import Observers
from plugin.roles import DUTIES, Duty, Role

if TYPE_CHECKING:
    from dicom_io.receiving.web import WebServer
    from pipeline.edits import TwinMaker
    from plugin.node import Node
    from plugin.watching import Readiness, WatchServer

log = logging.getLogger(__name__)

GRACE_SECONDS = 30.0
"""How long running steps may take to end. What is cut off then is done again at the next start."""


def serve(
    configuration: Configuration,
    key: SiteKey,
    load_twins: Callable[[Configuration], TwinMaker],
    role: Role = Role.ALL,
) -> NoReturn:
    """Run until SIGTERM or SIGINT, then let running steps end and leave the process.

    The port is open first; what comes in while the models load waits in the spool. Raises what loading them raises.
    """
    sys.setswitchinterval(SWITCH_SECONDS)
    waking = threading.Event()  # to stop, or because the node cannot start
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: waking.set())
    receives = Duty.RECEIVE in DUTIES[role]
    observers = Observers()
    intake = Intake(configuration, key, observers, receives=receives)
    trail = AuditTrail(configuration)
    observers.add(trail)
    if receives:
        _open(intake, configuration)
    trail.start()
    if not configuration.destinations:
        log.warning("no destinations are configured: results are quarantined")

    started: Future[Node] = Future()
    try:
        readiness = _readiness(configuration, intake, started, role)
        watched = _watch(configuration, observers, readiness)
        page = _open_page(configuration, key, trail, readiness, role)
    except BaseException:
        intake.close()
        trail.stop()
        raise
    started.add_done_callback(lambda done: waking.set() if done.exception() else None)
    threading.Thread(
        target=_start_node, args=(started, configuration, key, load_twins, role, intake), name="start", daemon=True
    ).start()
    waking.wait()
    if started.done() and started.exception():
        intake.close()
        trail.stop()
        started.result()
    log.info("stopping")
    # The port of metrics stays open until the end: it says that the node is not ready any more.
    if not started.done():
        intake.close()
    elif not started.result().stop(GRACE_SECONDS):
        log.warning("a step did not end in %g seconds; it is done again at the next start", GRACE_SECONDS)
    trail.stop()
    for port in (page, watched):
        if port is not None:
            port.stop()
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    # Not sys.exit: that waits for threads that may sleep for an hour before the next try of a delivery.
    os._exit(int(ExitStatus.RELEASED))


def _open(intake: Intake, configuration: Configuration) -> None:
    section = configuration.listener
    intake.open()
    if configuration.tls.is_on:
        print(f"{section.ae_title} listens on {section.host}:{intake.listener.tls_port} with TLS", flush=True)
    if not configuration.tls.only:
        print(f"{section.ae_title} listens on {section.host}:{intake.listener.port}", flush=True)
    if intake.web is not None:
        scheme = "https" if configuration.web.certificate else "http"
        print(f"STOW-RS at {scheme}://{configuration.web.host}:{intake.web.port}/studies", flush=True)
    if not configuration.callers:
        log.warning("no callers are configured: every connection is closed")


def _readiness(configuration: Configuration, intake: Intake, started: Future[Node], role: Role) -> Readiness | None:
    """What the ports of metrics and of the page tell of it; None where there is neither."""
    if not (configuration.watching.is_on or configuration.page.is_on):
        return None
    from plugin.watching import Readiness

    def has_started() -> bool:
        return started.done() and started.exception() is None

    return Readiness(
        port_open=(lambda: intake.is_open) if Duty.RECEIVE in DUTIES[role] else None,
        models_loaded=has_started if Duty.WORK in DUTIES[role] else None,
        started=has_started,
        ledger=intake.ledger,
        folder=configuration.state_folder,
        kept_free=configuration.limits.min_free_bytes,
    )


def _watch(configuration: Configuration, observers: Observers, readiness: Readiness | None) -> WatchServer | None:
    """The port of metrics, health and readiness, where one is configured; None otherwise."""
    section = configuration.watching
    if not section.is_on or readiness is None:
        return None
    from plugin.watching import Metrics, WatchServer, status_of_node

    metrics = Metrics(lambda: status_of_node(configuration), readiness)
    server = WatchServer(section.host, section.port, metrics, readiness)
    observers.add(metrics)
    server.start()
    log.info("metrics, health and readiness are at %s:%d", section.host, server.port)
    return server


def _open_page(
    configuration: Configuration, key: SiteKey, trail: AuditTrail, readiness: Readiness | None, role: Role
) -> WebServer | None:
    """The web page, where one is configured; None otherwise, and nothing is imported for it then.

    Who is signed in, and how often a password was wrong, is known to one process alone. So of several that share a
    configuration one serves the page: the listener, of which there is one.
    """
    section = configuration.page
    if not section.is_on:
        return None
    if Duty.RECEIVE not in DUTIES[role]:
        log.info("the listener serves the page")
        return None
    from plugin.web import Desk, open_page

    server = open_page(Desk(configuration, key, trail, readiness))
    scheme = "https" if section.certificate else "http"
    print(f"the page is at {scheme}://{section.host}:{server.port}/", flush=True)
    return server


def _start_node(
    started: Future[Node],
    configuration: Configuration,
    key: SiteKey,
    load_twins: Callable[[Configuration], TwinMaker],
    role: Role,
    intake: Intake,
) -> None:
    """Everything that takes seconds: torch and the models are imported and loaded here."""
    begun = time.monotonic()
    try:
        from plugin.node import Node

        works = Duty.WORK in DUTIES[role]
        node = Node(configuration, key, load_twins(configuration) if works else None, role=role, intake=intake)
        node.start()
    except BaseException as error:
        started.set_exception(error)
        return
    what = "the models are loaded" if works else f"the {role} has started"
    log.info("%s (%.1f s)%s", what, time.monotonic() - begun, ": studies are worked on" if works else "")
    started.set_result(node)
