"""Heads of people who do not exist, as textured meshes: found, posed, lit and drawn where a patient's was.

Nothing enters that knows of the gate or of diseases.
"""

from pipeline.heads.bank import HeadBank, read_heads, write_heads
from pipeline.heads.choice import WORST, dealt, likeness
from pipeline.heads.drawing import Drawing, Head, Region
from pipeline.heads.flow import HeadFlow, Sitter
from pipeline.heads.in_front import in_front
from pipeline.heads.mesh import FaceMesh, Points
from pipeline.heads.persona_words import AGES, COMPLEXIONS, Age, Complexion, Known, Words, complexion_of, words_for
from pipeline.heads.shapes import Expression, Frame, expression
from pipeline.heads.skin_square import SIDE, SkinSquare

__all__ = [
    "HeadBank",
    "read_heads",
    "write_heads",
    "WORST",
    "dealt",
    "likeness",
    "Drawing",
    "Head",
    "Region",
    "HeadFlow",
    "Sitter",
    "in_front",
    "FaceMesh",
    "Points",
    "AGES",
    "COMPLEXIONS",
    "Age",
    "Complexion",
    "Known",
    "Words",
    "complexion_of",
    "words_for",
    "Expression",
    "Frame",
    "expression",
    "SIDE",
    "SkinSquare",
]
