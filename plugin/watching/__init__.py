"""What a node is doing, in figures and names that identify nobody. Nothing in here changes anything."""

from plugin.watching.status import DestinationStatus, Status, WaitingStudy, status_of_node

__all__ = [
    "DestinationStatus",
    "Status",
    "WaitingStudy",
    "status_of_node",
]
