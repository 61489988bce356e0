"""What a node is doing, in figures and names that identify nobody. Nothing in here changes anything."""

from plugin.watching.metrics import Metrics
from plugin.watching.readiness import Readiness
from plugin.watching.server import WatchServer
from plugin.watching.status import DestinationStatus, Status, WaitingStudy, status_of_node

__all__ = [
    "Metrics",
    "Readiness",
    "WatchServer",
    "DestinationStatus",
    "Status",
    "WaitingStudy",
    "status_of_node",
]
