"""Quarantine: what was held back, why, and what a reviewer decides. The photograph itself is shown to reviewers alone,
and that somebody is about to see it is on record first."""

from __future__ import annotations

from collections import Counter

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from dicom_io.errors import DicomError
from dicom_io.reading import read_photograph
from plugin.errors import AuditBroken, ReviewRefused, SealBroken
from plugin.quarantine import Entry, Quarantine, outlook, places_in
from plugin.web.desk import Desk, back_to, field
from plugin.web.pictures import JPEG, jpeg

GONE = "There is no such entry any more.\n"
DEEDS = frozenset({"release", "discard"})
MOST_TOLD = 5
"""Complaints that a note repeats."""

USUAL_REASONS = (
    "no face in it",
    "no face but those that get a twin",
    "the text names nobody",
    "the mark tells nobody who it is",
    "what was in the way is mended",
    "not usable",
)
"""Offered while a reason is written."""


def show_held(desk: Desk, request: Request) -> Response:
    """All entries, or those of one error."""
    entries = _entries(desk)
    chosen = request.query_params.get("error", "")
    errors = sorted(Counter(entry.refusal.error for entry in entries).items())
    shown = [entry for entry in entries if chosen in {"", entry.refusal.error}]
    return desk.page(
        request, "quarantine.html", entries=shown, errors=errors, chosen=chosen, outlook=outlook, usual=USUAL_REASONS
    )


def show_entry(desk: Desk, request: Request) -> Response:
    """One entry: why it is held, where in the photograph that lies, and what may be decided."""
    entries = _entries(desk)
    at = _position(entries, request.path_params["name"])
    if at is None:
        return PlainTextResponse(GONE, 404)
    entry = entries[at]
    return desk.page(
        request, "entry.html",
        entry=entry, outlook=outlook(entry.refusal), final=outlook(entry.refusal).startswith("never"),
        places=places_in(entry.refusal.reason), number=at + 1, count=len(entries),
        before=entries[at - 1].name if at else "", after=entries[at + 1].name if at + 1 < len(entries) else "",
        usual=USUAL_REASONS,
    )  # fmt: skip


def show_original(desk: Desk, request: Request) -> Response:
    """The photograph as it came, for a reviewer; without its header, and written down before it is shown."""
    review, person = desk.review(), request.state.session.user.name
    try:
        entry = review.look(request.path_params["name"], reviewer=person)
        with review.quarantine.opened(entry.name) as path:
            return Response(jpeg(read_photograph(path, desk.limits).rgb), media_type=JPEG)
    except (ReviewRefused, FileNotFoundError):
        return PlainTextResponse(GONE, 404)
    except AuditBroken as error:
        return PlainTextResponse(f"It cannot be written down that you look at it: {error}\n", 409)
    except (DicomError, SealBroken) as error:
        return PlainTextResponse(f"It cannot be shown: {error}\n", 422)


def decide(desk: Desk, request: Request) -> Response:
    """Release or discard what the form names, in the name of whoever is signed in. One that may not be decided so does
    not keep the others from it."""
    deed, reason, names = field(request, "deed"), field(request, "reason"), request.state.form.get("entry", [])
    session = request.state.session
    following = field(request, "following")
    if deed not in DEEDS or not names or not reason:
        session.note = "Nothing was done: choose what is meant, and write a reason."
        return back_to(_where(names, following, stays=True))
    if deed == "discard" and field(request, "sure") != "yes":
        session.note = "Nothing was done: what is discarded is gone for good, so tick the box as well."
        return back_to(_where(names, following, stays=True))
    review, done, complaints = desk.review(), 0, []
    for name in dict.fromkeys(names):
        try:
            if deed == "release":
                review.release(name, reviewer=session.user.name, reason=reason)
            else:
                review.discard(name, reviewer=session.user.name, reason=reason)
            done += 1
        except (ReviewRefused, AuditBroken, SealBroken, OSError) as error:
            complaints.append(str(error) if not isinstance(error, OSError) else f"{name}: {error.strerror}")
    words = {"release": "sent through the pipeline once more", "discard": "gone for good"}[deed]
    session.note = " ".join([f"{done} {words}.", *complaints[:MOST_TOLD]])
    if len(complaints) > MOST_TOLD:
        session.note += f" And {len(complaints) - MOST_TOLD} more like that."
    return back_to(_where(names, following, stays=not done))


def _entries(desk: Desk) -> list[Entry]:
    return Quarantine(desk.configuration.state_folder / "quarantine").entries()


def _position(entries: list[Entry], name: str) -> int | None:
    return next((at for at, entry in enumerate(entries) if entry.name == name), None)


def _where(names: list[str], following: str, *, stays: bool) -> str:
    """Where to go on: the entry itself, the one after it, or, of several, the list."""
    if following == "list" or not names:
        return "/quarantine"
    name = names[0] if stays else following
    return f"/quarantine/{name}" if name.replace("-", "").isalnum() else "/quarantine"
