"""Photographs in the training of healing: what people outlined, and what is painted on skin that has nothing.

Held-out photographs do not enter, and nothing of any photograph leaves but the weights that learned from it.
"""

from pipeline.training.photographs.album import albums, for_tuning
from pipeline.training.photographs.canvas import Canvas
from pipeline.training.photographs.filling import healthy_below
from pipeline.training.photographs.frontal import FrontalExamples, open_frontal
from pipeline.training.photographs.lesions import PAINTERS
from pipeline.training.photographs.marks import tattoo
from pipeline.training.photographs.mixture import (
    CLOSER,
    FACES,
    MARKED,
    OUTLINED,
    SKIN_ALONE,
    PhotographExamples,
    Shares,
)
from pipeline.training.photographs.skin_place import skin_around
from pipeline.training.photographs.store import Store, open_store

__all__ = [
    "albums",
    "for_tuning",
    "Canvas",
    "healthy_below",
    "FrontalExamples",
    "open_frontal",
    "PAINTERS",
    "tattoo",
    "PhotographExamples",
    "CLOSER",
    "MARKED",
    "OUTLINED",
    "FACES",
    "SKIN_ALONE",
    "Shares",
    "skin_around",
    "Store",
    "open_store",
]
