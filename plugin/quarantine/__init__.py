"""What was refused, sealed, with the reason, and what a person decided about it. Nothing enters that runs a study."""

from plugin.quarantine.audit import AuditLog
from plugin.quarantine.decisions import deciding
from plugin.quarantine.places import Place, places_in
from plugin.quarantine.quarantine import Entry, Quarantine
from plugin.quarantine.review import MAYBE_SENT, Review, outlook
from plugin.quarantine.rows import entry_name, forget_returned, names_of
from plugin.sealed import seal, unseal

__all__ = [
    "AuditLog",
    "deciding",
    "Entry",
    "Quarantine",
    "Place",
    "places_in",
    "MAYBE_SENT",
    "Review",
    "outlook",
    "entry_name",
    "forget_returned",
    "names_of",
    "seal",
    "unseal",
]
