"""The running node: composition root, jobs, custody, kept personas. Nothing enters that talks to a person."""

from plugin.node.node import (
    Node,
    algorithm_of,
    destination_of,
    output_writer,
    stage_settings,
    web_destination_of,
)
from plugin.node.personas import KeptPersonas

__all__ = [
    "Node",
    "algorithm_of",
    "destination_of",
    "output_writer",
    "stage_settings",
    "web_destination_of",
    "KeptPersonas",
]
