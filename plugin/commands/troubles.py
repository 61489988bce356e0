"""The reference pages of what goes wrong and of what happens, from the tables that decide on errors and events."""

from __future__ import annotations

import inspect
from types import ModuleType

import dicom_io.errors
import pipeline.errors
import plugin.errors
from dicom_io.errors import SpoolFull
from dicom_io.receiving import RefusedFor
from plugin.commands.conformance import table
from plugin.commands.exit_status import OPERATOR_CAN_MEND, ExitStatus
from plugin.errors import PluginError
from plugin.ledger import BY_A_PERSON, BY_A_SENDER, TRANSITIONS, Event
from plugin.quarantine import outlook
from plugin.study import ADVICE, Refusal

WITHOUT_A_CLASS = {
    "Conflict": "Another data set was accepted before under the same SOP Instance UID.",
    "NoDestination": "No destination is configured, and results are not thrown away.",
    "EarlierVersion": "An earlier version may have delivered part of it before the upgrade.",
    "NoOutcome": "Its job failed, or took the process down more often than `study.max_recoveries`.",
    "UnreadableReason": "What the quarantine knows of the entry is missing or damaged.",
    "Unforeseen": "Something that nobody foresaw; the reason says in words what, without quoting data.",
}
"""Names of refusals that no error of ours stands behind, and what each says."""

HOLDS_NOTHING = {"CertificateRefused", "SpoolFull"}
"""Met before there is a photograph to hold."""

TURNED_AWAY: dict[RefusedFor, tuple[str, str]] = {
    RefusedFor.ADDRESS: (
        "No caller is listed for that address; the connection is closed at once.",
        "List its network under `[[callers]]` if it is one of yours.",
    ),
    RefusedFor.TLS: (
        "A handshake failed: no certificate, an expired one, one of an authority that is not trusted, or plain DICOM.",
        "See `twinveil check` for our files, and the sender's certificate and clock for its own.",
    ),
    RefusedFor.TOKEN: (
        "A store by HTTP without a bearer token, or with another one.",
        "Compare the sender's token with the file that `web.token_file` names.",
    ),
    RefusedFor.AE_TITLE: (
        "The calling AE title is not listed for that address, or the called one is not the node's.",
        "Compare the sender's two titles with `[[callers]]` and `listener.ae_title`.",
    ),
    RefusedFor.LIMIT: (
        "Too many associations at once, or too many stores by HTTP.",
        "The sender tries again by itself; raise `limits.max_associations` or `web.max_requests` if it happens often.",
    ),
    RefusedFor.PROTOCOL: (
        "What neither PS3.7, PS3.8 nor, by HTTP, PS3.18 allow, or more of it than `[limits]` do.",
        "Find out what spoke there; a scanner for open ports looks like this, too.",
    ),
    RefusedFor.SLOW: (
        "Silent or slow beyond a deadline.",
        "Look at the network between the two, then at the deadlines in `[limits]`.",
    ),
    RefusedFor.NO_ROOM: (
        "An instance, for want of room on the disk or for its size.",
        "Make room, or see `limits.max_instance_bytes`; the sender keeps what it has.",
    ),
    RefusedFor.INSTANCE: (
        "An instance that cannot be read, or is not what was negotiated.",
        "Send it again from where it was made.",
    ),
    RefusedFor.NOT_RECORDED: (
        "An instance lies on disk, and its row could not be made.",
        "See that the database answers; the sender was told to send it again.",
    ),
}
"""What each reason of the listener means, and what to do about it."""

EXITS = {
    ExitStatus.RELEASED: "Everything that was asked for was done; all instances were released.",
    ExitStatus.FAILURE: "It failed; the last line says in words why.",
    ExitStatus.USAGE: "Bad usage; or a configuration, key, certificate, model or state folder must be mended first.",
    ExitStatus.QUARANTINED: "Done, and at least one instance is held for a person to decide.",
}

HAPPENS = {
    Event.QUEUE: "Its study was quiet for `study.quiet_seconds` and became a job.",
    Event.POST: "What was made of it is sealed in the outbox and on its way.",
    Event.DELIVER: "Every destination has everything, and has answered for it where it was asked to.",
    Event.PURGE: "The photograph is removed from the node.",
    Event.QUARANTINE: "It was refused, with a reason; the photograph is sealed and kept.",
    Event.LOSE: "Its file is gone, and the node did not remove it.",
    Event.RECEIVE: "It was sent again, and this time it is taken.",
    Event.RELEASE: "A reviewer sends it through the pipeline once more (`twinveil quarantine release`).",
    Event.DISCARD: "A reviewer does not want it; it is removed for good (`twinveil quarantine discard`).",
    Event.REPROCESS: "A person wants it made anew when it is sent the next time (`twinveil reprocess`).",
}
"""What brings an instance from one state to the next."""

DECIDED = {
    "look": "`entry`, `source`, `study`, `reviewer`",
    "release": "`entry`, `source`, `study`, `reviewer`, `reason`, `waived`, `refused_stage`, `refused_error`, "
    "`refused_reason`",
    "discard": "the same",
    "reprocess": "`source`, `study`, `state`, `reviewer`, `reason`",
    "rename destination": "`destination`, `to`, `reviewer`, `reason`",
    "give up deliveries": "`destination`, `job`, `reviewer`, `reason`",
    "add user": "`user`, `role`, `reviewer`",
    "remove user": "the same",
}
"""Actions of the audit log, and what a line of each states besides its time."""


def error_classes(*houses: ModuleType) -> dict[str, type[Exception]]:
    """Every error of ``houses`` by its name, in the order in which it is written."""
    found = (kind for house in houses for _, kind in inspect.getmembers(house, inspect.isclass)
             if issubclass(kind, Exception) and kind.__module__ == house.__name__)  # fmt: skip
    return {kind.__name__: kind for kind in sorted(found, key=lambda kind: inspect.getsourcelines(kind)[1])}


def meaning_of_error(name: str) -> str:
    """What the error of that name says, in one paragraph."""
    if name in WITHOUT_A_CLASS:
        return WITHOUT_A_CLASS[name]
    kind = error_classes(dicom_io.errors, pipeline.errors, plugin.errors)[name]
    return " ".join((inspect.getdoc(kind) or "").split("\n\n")[0].split()).replace("``", "`")


def errors_page() -> str:
    """Every refusal and error in Markdown: what it says, and what to do about it."""
    held = (
        (f"`{name}`", meaning_of_error(name), advice, outlook(Refusal("", name, "")))
        for name, advice in ADVICE.items()
        if name not in HOLDS_NOTHING
    )
    kinds: list[type[Exception]] = [*OPERATOR_CAN_MEND, *error_classes(plugin.errors).values(), SpoolFull]
    stopping = {kind.__name__: kind for kind in kinds if kind is not PluginError}
    stops = (
        (f"`{name}`", meaning_of_error(name), ADVICE.get(name, ""), str(int(_status_of(kind))))
        for name, kind in stopping.items()
    )
    calls = ((f"`{reason}`", *TURNED_AWAY[reason]) for reason in RefusedFor)
    statuses = ((str(int(status)), said) for status, said in EXITS.items())
    return "\n\n".join([
        "# Errors",
        "Every refusal has a name, a reason in words, and something that can be done about it. None of them quotes a "
        "header. `twinveil quarantine show ENTRY` says all of this of what is held.",
        "## What may hold a photograph back",
        "The photograph is kept, sealed, until a person decides. *After a release* is what `twinveil quarantine "
        "release` would mean; a release never lets a photograph out by itself, it sends it through the pipeline "
        "once more.",
        table(("Error", "What it says", "What to do", "After a release"), held),
        "## What stops a command",
        table(("Error", "What it says", "What to do", "Exit status"), stops),
        "## Exit statuses",
        table(("Status", "Meaning"), statuses),
        "## What the listener turns away",
        "Reasons of `twinveil_refusals_total` ([watching](watching.md)); which DIMSE status a sender is told stands in "
        "the [conformance statement](conformance-statement.md).",
        table(("Reason", "What it says", "What to do"), calls),
    ]) + "\n"  # fmt: skip


def _status_of(kind: type[Exception]) -> ExitStatus:
    return ExitStatus.USAGE if issubclass(kind, OPERATOR_CAN_MEND) else ExitStatus.FAILURE


def events_page() -> str:
    """Every step of an instance's life and every line of the audit log in Markdown."""
    steps = ((f"`{event}`", f"`{state}`", f"`{TRANSITIONS[state, event]}`", _by(event)) for state, event in TRANSITIONS)
    return "\n\n".join([
        "# Events",
        "Events that are reported to a syslog server as DICOM audit messages stand in [watching](watching.md), and so "
        "do metrics, the fields of the log and alarms. What the states mean, and what to do in each: "
        "[the first hour](first-hour.md).",
        "## In the life of an instance",
        table(("Event", "What happens"), ((f"`{event}`", said) for event, said in HAPPENS.items())),
        "A pair of state and event that is not listed here is an error of the program. Rows that lead from a state to "
        "itself are there because a step that was cut off is done again after a restart.",
        table(("Event", "From", "To", "Brought about by"), steps),
        "## In the audit log",
        "`state/audit.log` holds what people decided: one JSON object a line, in which `said` is the statement and "
        "`mac` chains it to the line before under the site's key. Each statement begins with `at` and `action`; "
        "`torn_before` says whether a crash tore the line before it.",
        table(("Action", "States"), ((f"`{action}`", stated) for action, stated in DECIDED.items())),
    ]) + "\n"  # fmt: skip


def _by(event: Event) -> str:
    return "a person" if event in BY_A_PERSON else "a sender" if event in BY_A_SENDER else "the node"
