"""Where faces are and what they look like: the finder, the recognisers, the comparison of texture.

Nothing enters that judges: what a likeness means is for the gate to say.
"""

from pipeline.faces.alignment import similarity, warp
from pipeline.faces.finder import Face, FaceFinder, eyes, overlap, turned_back
from pipeline.faces.framing import Square, square_around
from pipeline.faces.recognisers import Descriptor, Recogniser, Recognisers, SFace
from pipeline.faces.texture import REVISION, retained_texture

__all__ = [
    "similarity",
    "warp",
    "Face",
    "FaceFinder",
    "eyes",
    "overlap",
    "turned_back",
    "Square",
    "square_around",
    "Descriptor",
    "Recogniser",
    "Recognisers",
    "SFace",
    "REVISION",
    "retained_texture",
]
