"""Heads of people who do not exist, as textured meshes: found, posed, lit and drawn where a patient's was.

Nothing enters that knows of the gate or of diseases.
"""

from pipeline.heads.bank import HeadBank, read_heads, write_heads, write_known
from pipeline.heads.bare_face import bare_skin, within_outline
from pipeline.heads.choice import WORST, dealt, likeness
from pipeline.heads.drawing import Drawing, Head, Region
from pipeline.heads.flow import HeadFlow, Sitter
from pipeline.heads.frontal import VIEW_SIDE, FrontalView, frontal_points, taken_from
from pipeline.heads.head_skin import face_skin, shown_skin
from pipeline.heads.in_front import hanging_before
from pipeline.heads.light import Picture, blurred, mean_around, pulled_and_pushed
from pipeline.heads.mesh import FaceMesh, Points
from pipeline.heads.persona_words import AGES, COMPLEXIONS, Age, Complexion, Known, Words, complexion_of, words_for
from pipeline.heads.planes import (
    DARKEST,
    MOST,
    OF_A_FACE,
    OF_FURTHER,
    OF_OTHER_SIDE,
    PLANES,
    relative_colours,
    standing_out,
)
from pipeline.heads.shapes import MEASURES, Expression, Frame, Similarity, expression
from pipeline.heads.skin_square import SIDE, Mask, SkinSquare
from pipeline.heads.topology import (
    LEFT_BROW,
    LEFT_EYE,
    LEFT_LIDS,
    NOSE,
    OUTER_LIPS,
    OVAL,
    RIGHT_BROW,
    RIGHT_EYE,
    RIGHT_LIDS,
    STEADY,
)
from pipeline.heads.typical import COARSE, TypicalFace

__all__ = [
    "VIEW_SIDE",
    "FrontalView",
    "frontal_points",
    "taken_from",
    "PLANES",
    "MOST",
    "OF_A_FACE",
    "OF_FURTHER",
    "OF_OTHER_SIDE",
    "relative_colours",
    "standing_out",
    "COARSE",
    "DARKEST",
    "TypicalFace",
    "bare_skin",
    "within_outline",
    "face_skin",
    "shown_skin",
    "HeadBank",
    "read_heads",
    "write_heads",
    "write_known",
    "WORST",
    "dealt",
    "likeness",
    "Drawing",
    "Head",
    "Region",
    "HeadFlow",
    "Sitter",
    "hanging_before",
    "Picture",
    "blurred",
    "mean_around",
    "pulled_and_pushed",
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
    "MEASURES",
    "Expression",
    "Frame",
    "Similarity",
    "expression",
    "SIDE",
    "Mask",
    "SkinSquare",
    "LEFT_BROW",
    "LEFT_EYE",
    "LEFT_LIDS",
    "NOSE",
    "OUTER_LIPS",
    "OVAL",
    "RIGHT_BROW",
    "RIGHT_EYE",
    "RIGHT_LIDS",
    "STEADY",
]
