"""Lanes: queues with places of their own, so that what takes long never takes the places of what does not.

    urgent   a person waits for it: released from quarantine, or made again on somebody's word
    small    everything else
    large    studies of many pixels: one photograph of fifty megapixels, or an import of hundreds

A worker takes from the lanes that it is configured for, from each as many studies as the lane has places. Within one
worker ``turns`` decides whose step is next; a worker without the lane *large* is never kept busy by a large study.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Lane(StrEnum):
    """A queue of jobs, by what waits in it."""

    URGENT = "urgent"
    SMALL = "small"
    LARGE = "large"


QUEUES: Mapping[Lane, str] = MappingProxyType(
    {Lane.URGENT: "urgent-studies", Lane.SMALL: "studies", Lane.LARGE: "large-studies"}
)
"""What the job queue calls them. *studies* is what it called the only one that there was."""


def lane_of(*, urgent: bool, pixels: int, large_pixels: int) -> Lane:
    """Where a study of so many ``pixels`` waits, which is large from ``large_pixels`` on."""
    if urgent:
        return Lane.URGENT
    return Lane.LARGE if pixels >= large_pixels else Lane.SMALL
