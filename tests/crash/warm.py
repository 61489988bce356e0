"""What a process has done before nodes are forked off it. Imported once, by the process that forks."""

from __future__ import annotations

import threading

from highdicom._standard_utils import is_attribute_in_iod
from pydicom.uid import SegmentationStorage

import plugin.node
import plugin.web
import tests.crash.worker

__all__ = ["plugin", "tests"]

is_attribute_in_iod("Rows", SegmentationStorage)  # else each node reads highdicom's tables anew, for a second
assert threading.active_count() == 1, "a thread would not survive the fork, and its locks would"
