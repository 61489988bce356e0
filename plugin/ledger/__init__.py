"""What became of every accepted instance: its row and the states it may pass through. No file of a patient enters."""

from plugin.ledger.job_states import BY_A_PERSON, BY_A_SENDER, FINISHED, TRANSITIONS, Event, State
from plugin.ledger.ledger import Ledger, taken_again
from plugin.ledger.rows import JobRow, Row, Unfinished, study_of_job

__all__ = [
    "BY_A_PERSON",
    "BY_A_SENDER",
    "FINISHED",
    "TRANSITIONS",
    "Event",
    "State",
    "JobRow",
    "Ledger",
    "Row",
    "Unfinished",
    "study_of_job",
    "taken_again",
]
