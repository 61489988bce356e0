"""The pages of the documentation that are made from the code."""

from __future__ import annotations


def generated_pages() -> dict[str, str]:
    """The content of each page, by its name. Imported inside: no command needs all of this at its start."""
    from plugin.commands.cli import app
    from plugin.commands.conformance import conformance_statement
    from plugin.commands.reference import commands_page, settings_page
    from plugin.commands.troubles import errors_page, events_page

    return {
        "commands.md": commands_page(app),
        "conformance-statement.md": conformance_statement(),
        "errors.md": errors_page(),
        "events.md": events_page(),
        "settings.md": settings_page(),
    }
