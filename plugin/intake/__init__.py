"""The way in, as configured: spool, rows, listener. Nothing enters that loads a model: a node listens without one."""

from plugin.intake.intake import Intake, lock_state
from plugin.intake.rows import Recorded, record_arrival

__all__ = [
    "Intake",
    "lock_state",
    "Recorded",
    "record_arrival",
]
