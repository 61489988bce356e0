"""What to do about each item that ``twinveil check`` calls failed."""

from __future__ import annotations

FIXES: dict[str, str] = {
    "configuration": "Mend the settings that are named; docs/settings.md lists all, `twinveil init` writes a sample.",
    "callers": "List each sender under [[callers]], with its AE title and the network that it calls from.",
    "TLS": "Name readable PEM files: the node's certificate, its key without a password, the callers' authorities.",
    "STOW-RS": "Write a token of 16 characters or more into the file that is named, or mend what it says of [web].",
    "page": "Make users by `twinveil users add`; mend what the finding says of [page]: certificate and key.",
    "key": "Point key_file at the site's key and chmod 600 it; for a new site `twinveil init` makes one. A key that "
    "was lost cannot be made again: look for the copy.",
    "profile": "Mend the setting, or the line of the profile's file, that is named.",
    "model": "Install the package again, or set [model] name and device to what this machine has.",
    "text": "Install the package again: the networks that read text are not those that were tested.",
    "database": "Start PostgreSQL, and see that [database] names it and a user who may make tables; or leave it empty.",
    "disk": "Make room on the disk of the state folder, or lower [limits] min_free_bytes.",
    "audit": "Start the syslog server, or mend [audit]: host, port, transport, certificates. Messages wait meanwhile.",
    "destinations": "List at least one archive under [[destinations]].",
    "destination": "Start it; see that host, port and AE titles agree on both sides, that it lists this node as a "
    "sender, and that it accepts the classes that are named.",
}
"""By the first word of the item's name."""

ELSEWHERE = "See the finding, and docs/operations.md."


def fix_of(item: str) -> str:
    """The fix for the failed item called ``item``."""
    return FIXES.get(item.partition(" ")[0], ELSEWHERE)
