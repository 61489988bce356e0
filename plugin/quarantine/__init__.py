"""What was refused, sealed, with the reason, and what a person decided about it. Nothing enters that runs a study."""

from plugin.quarantine.quarantine import Entry, Quarantine
from plugin.quarantine.review import Review, outlook
from plugin.quarantine.rows import entry_name, forget_returned

__all__ = [
    "Entry",
    "Quarantine",
    "Review",
    "outlook",
    "entry_name",
    "forget_returned",
]
