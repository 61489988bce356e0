"""What became of every accepted instance: its row and the states it may pass through. No file of a patient enters."""

from plugin.ledger.job_states import FINISHED, Event, State
from plugin.ledger.ledger import DATABASE, Ledger, Row, transaction

__all__ = [
    "Event",
    "FINISHED",
    "State",
    "DATABASE",
    "Ledger",
    "Row",
    "transaction",
]
