"""``twinveil status``: what waits, and for what."""

from __future__ import annotations

import json
from dataclasses import asdict

from plugin.commands.terminal import plain_table, say, terminal
from plugin.config import Configuration
from plugin.watching import Status, status_of_node

MOST_STUDIES = 20
"""Studies that are shown to a person; a program gets all of them."""


def show(configuration: Configuration, *, as_json: bool) -> None:
    """Print the status of the node of ``configuration``."""
    status = status_of_node(configuration)
    if as_json:
        say(json.dumps(asdict(status), indent=2))
        return
    say("instances    " + (", ".join(f"{count} {state}" for state, count in status.instances.items()) or "none"))
    say("quarantine   " + (", ".join(f"{count} {error}" for error, count in status.quarantine.items()) or "none"))
    say(f"disk         {status.free_bytes / 1e9:.1f} GB free")
    _show_destinations(status)
    _show_studies(status)
    for alarm in status.alarms:
        say(f"alarm        {alarm}")


def _show_destinations(status: Status) -> None:
    table = plain_table("Destination", "", "Studies", "Objects", "MB", "Waiting since", "Reason")
    for each in status.destinations:
        marks = {"not configured": not each.configured, "paused": each.paused, "down": each.down_since is not None}
        table.add_row(
            each.name, ", ".join(mark for mark, stands in marks.items() if stands), str(each.studies),
            str(each.objects), f"{each.bytes / 1e6:.1f}", each.waiting_since or "", each.reason,
        )  # fmt: skip
    if status.destinations:
        terminal().print(table)


def _show_studies(status: Status) -> None:
    table = plain_table("Study", "State", "Instances", "Since", "Waits for")
    for each in status.studies[:MOST_STUDIES]:
        table.add_row(each.study[:12], each.state, str(each.instances), each.since, each.waits_for)
    if status.studies:
        terminal().print(table)
    if len(status.studies) > MOST_STUDIES:
        say(f"and {len(status.studies) - MOST_STUDIES} more")
