"""The first page: what the node does, what waits, and how each destination is doing."""

from __future__ import annotations

import logging
import time

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from dicom_io.errors import DicomError
from dicom_io.sending import echo, examine
from plugin.database import Postgres
from plugin.delivery import Deliveries, Postings
from plugin.errors import ConfigurationRefused
from plugin.node import destination_of, web_destination_of
from plugin.watching import status_of_node
from plugin.web.desk import Desk, back_to, field
from plugin.web.plots import bars

log = logging.getLogger(__name__)

HOURS = 24


def show_overview(desk: Desk, request: Request) -> Response:
    """State, queue, throughput and destinations."""
    status = status_of_node(desk.configuration)
    settled = _settled_by_hour(desk)
    return desk.page(
        request, "overview.html",
        status=status, readiness={} if desk.readiness is None else desk.readiness.report(),
        settled=sum(settled), throughput=bars(settled, "Studies delivered in each of the last 24 hours"),
        settled_by_hour=settled, notes=desk.notes, held=sum(status.quarantine.values()),
    )  # fmt: skip


def tell_destination(desk: Desk, request: Request) -> Response:
    """An administrator pauses, resumes or tries a destination, or has it answer a C-ECHO."""
    name, deed = request.path_params["name"], field(request, "deed")
    deliveries = Deliveries(desk.configuration)
    try:
        match deed:
            case "pause":
                deliveries.pause(name)
                desk.notes[name] = "paused"
            case "resume":
                deliveries.resume(name)
                desk.notes[name] = "served again"
            case "retry":
                deliveries.retry(name)
                desk.notes[name] = "tried at once"
            case "echo":
                desk.notes[name] = _asked(desk, name)
            case _:
                return PlainTextResponse("Nothing of the kind can be done.\n", 400)
    except ConfigurationRefused as error:
        return PlainTextResponse(f"{error}\n", 404)
    log.info("%s by %s: %s", name, request.state.session.user.name, deed)
    return back_to("/#destinations")


def _asked(desk: Desk, name: str) -> str:
    """What the destination answers just now."""
    section = next((each for each in desk.configuration.destinations if each.name == name), None)
    if section is None:
        raise ConfigurationRefused(f"{name} is not a configured destination")
    at = time.strftime("%H:%M:%S UTC", time.gmtime())
    try:
        if section.url:
            return f"{at}: {examine(web_destination_of(section, desk.configuration))}"
        echo(destination_of(section, desk.configuration))
    except DicomError as error:
        return f"{at}: {error}"
    return f"{at}: answers C-ECHO"


def _settled_by_hour(desk: Desk) -> list[int]:
    """Studies that arrived everywhere, in each of the last hours, the oldest first."""
    records = desk.configuration.records
    if not isinstance(records, Postgres) and not records.exists():
        return [0] * HOURS
    now, counts = time.time(), [0] * HOURS
    for moment in Postings(records).settled_since(now - HOURS * 3600):
        counts[HOURS - 1 - min(int(max(now - moment, 0.0) // 3600), HOURS - 1)] += 1
    return counts
