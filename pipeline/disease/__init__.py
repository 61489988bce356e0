"""The disease by itself: what it does to light, what a subtraction shows of it, in which colours. No faces enter."""

from pipeline.disease.colour_scale import FULL_SCALE, diverging
from pipeline.disease.drawing import SHOWN_IN_LIGHTNESS, difference_picture
from pipeline.disease.field import as_large_as, bands, rows_of
from pipeline.disease.lesion import Lesion
from pipeline.disease.middle import examined
from pipeline.disease.subtraction import SubtractionRule, signed_difference, subtract

__all__ = [
    "FULL_SCALE",
    "diverging",
    "SHOWN_IN_LIGHTNESS",
    "difference_picture",
    "examined",
    "as_large_as",
    "bands",
    "rows_of",
    "Lesion",
    "SubtractionRule",
    "signed_difference",
    "subtract",
]
