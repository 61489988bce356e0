"""Studies as they move, and what was made of them, in layers at full size."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from dicom_io.errors import DicomError
from plugin.errors import SealBroken
from plugin.watching import status_of_node
from plugin.web.desk import Desk
from plugin.web.pictures import KINDS, picture

MOST_SHOWN = 200
GONE = "There is no such study here: what was delivered is kept for some days only.\n"


def show_studies(desk: Desk, request: Request) -> Response:
    """What moves, and what can be looked at."""
    status = status_of_node(desk.configuration)
    results = desk.shelf.all()
    return desk.page(
        request, "studies.html",
        moving=status.studies[:MOST_SHOWN], more=max(len(status.studies) - MOST_SHOWN, 0), results=results[:MOST_SHOWN],
        days=desk.configuration.page.results_days,
    )  # fmt: skip


def show_study(desk: Desk, request: Request) -> Response:
    """The photographs of one job, each with its layers."""
    results = desk.shelf.find(request.path_params["job"])
    if results is None:
        return PlainTextResponse(GONE, 404)
    kinds = {
        number: [
            kind for kind in KINDS
            if not (kind in {"healthy", "map"} and "healthy-twin" not in made.numbers)
        ]
        for number, made in enumerate(results.made)
    }  # fmt: skip
    return desk.page(request, "study.html", results=results, kinds=kinds, words=KINDS)


def show_picture(desk: Desk, request: Request) -> Response:
    """One layer of one photograph."""
    job, number, kind = request.path_params["job"], request.path_params["number"], request.path_params["kind"]
    results = desk.shelf.find(job)
    if results is None or number >= len(results.made) or kind not in KINDS:
        return PlainTextResponse(GONE, 404)
    made = results.made[number]

    def make() -> tuple[bytes, str]:
        found = picture(desk.shelf.place_of(results), results, made, kind, desk.limits)
        if found is None:
            raise FileNotFoundError(kind)
        return found

    try:
        content, media_type = desk.pictures.get((job, number, kind), make)
    except (DicomError, SealBroken, FileNotFoundError):
        return PlainTextResponse(GONE, 404)
    return Response(content, media_type=media_type)
