"""Vertices of the face mesh by name: indices into the 468 of MediaPipe's face mesh (Apache-2.0), the person's own right
and left."""

from __future__ import annotations

VERTICES = 468

OVAL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149, 150,
    136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip
"""The outline, from the middle of the forehead clockwise as seen."""
OUTER_LIPS = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)
INNER_LIPS = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191)
RIGHT_EYE = (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246)
LEFT_EYE = (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466)
RIGHT_BROW = (70, 63, 105, 66, 107, 55, 65, 52, 53, 46)
LEFT_BROW = (300, 293, 334, 296, 336, 285, 295, 282, 283, 276)
NOSE = (1, 2, 98, 327, 4, 5, 195, 197, 6, 168, 122, 351, 48, 278, 64, 294, 129, 358, 102, 331, 115, 344)
NOSTRILS = (98, 97, 2, 326, 327, 294)
CHIN = (152, 148, 176, 377, 400, 175, 199, 200, 18, 83, 313, 201, 421)

ANCHORS = (
    1, 4, 5, 168, 6, 197, 33, 133, 362, 263, 159, 145, 386, 374, 70, 105, 107, 336, 334, 300, 50, 280, 205, 425, 61,
    291, 0, 17, 98, 327, 9, 151,
)  # fmt: skip
"""Places inside the outline that a bent photograph brings to the new head's."""

RIGHT_CORNER, LEFT_CORNER = 61, 291
UPPER_LIP, LOWER_LIP = 13, 14
"""Inner edges, in the middle."""
TOP_OF_LIPS, FOOT_OF_LIPS = 0, 17
RIGHT_LIDS = ((159, 158, 160), (145, 153, 144), (33, 133))
LEFT_LIDS = ((386, 385, 387), (374, 380, 373), (263, 362))
"""Upper lid, the lower one opposite, and the eye's two corners."""

MOVING = frozenset((*OUTER_LIPS, *INNER_LIPS, *CHIN))
STEADY = tuple(vertex for vertex in range(VERTICES) if vertex not in MOVING)
"""What speech and laughter leave in place: by these a head's pose is found."""
