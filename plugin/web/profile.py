"""The confidentiality profile in force: what becomes of each attribute, and what the site added."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from dicom_io.standard import OPTIONS, profile_table
from plugin.errors import ConfigurationRefused
from plugin.profile_settings import profile_in_words
from plugin.web.desk import Desk

ACTIONS = {
    "D": "replaced by a dummy",
    "Z": "emptied, or a dummy",
    "X": "removed",
    "K": "kept",
    "C": "cleaned",
    "U": "a new UID",
}
"""PS3.15 Table E.1-1a."""


def show_profile(desk: Desk, request: Request) -> Response:
    """In words, and as the table."""
    configuration = desk.configuration
    try:
        said, complaint = profile_in_words(configuration), ""
    except ConfigurationRefused as error:
        said, complaint = [], str(error)
    chosen = [option for option in OPTIONS if option in configuration.profile.options]
    rows = [
        (
            f"({row.tag[:4]},{row.tag[4:]})" if len(row.tag) == 8 else row.tag,
            row.name,
            [ACTIONS.get(mark, mark) for mark in row.basic],
            [
                f"{option.replace('_', ' ')}: {ACTIONS[row.options[option]]}"
                for option in chosen
                if option in row.options
            ],
        )
        for row in profile_table().rows
    ]
    return desk.page(
        request, "profile.html", said=said, complaint=complaint, rows=rows, chosen=chosen,
        policy=configuration.policy, output=configuration.output, project=configuration.project,
    )  # fmt: skip
