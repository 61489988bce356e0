"""The way in, as configured: spool, rows, listener. Nothing enters that loads a model: a node listens without one."""

from plugin.intake.intake import SWITCH_SECONDS, Intake, lock_state, tls_settings
from plugin.intake.rows import Recorded, record_arrival
from plugin.intake.spool_names import SpoolNames
from plugin.intake.state_folder import ABOUT, prepare_state

__all__ = [
    "SWITCH_SECONDS",
    "Intake",
    "lock_state",
    "tls_settings",
    "Recorded",
    "record_arrival",
    "SpoolNames",
    "ABOUT",
    "prepare_state",
]
