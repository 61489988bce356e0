"""Persona words measured on the neutral face, so that "a wide nose" is a nose that is wide.

Each measure is a ratio, since a photograph shows no absolute size: distances are taken relative to the mean of the
distance between the eyes and that from eyes to mouth, which is also what a face crop is scaled by. The two bounds per
measure are terciles over the first ``BINS_FROM`` identities, computed by ``python -m pipeline.renderer.persona_bins``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.renderer.description import FIELDS
from pipeline.renderer.head import Head
from pipeline.renderer.identity import Identity
from pipeline.renderer.skin import BROW_Y
from pipeline.renderer.styling import Styling

Array = NDArray[np.float32]

POINTS: dict[str, tuple[float, float, float]] = {
    "inner canthus": (0.172, 7.268, 1.385),
    "outer canthus": (0.438, 7.282, 1.350),
    "upper lid": (0.311, 7.332, 1.411),
    "lower lid": (0.311, 7.240, 1.405),
    "nasion": (0.0, 7.351, 1.507),
    "nose tip": (0.0, 6.938, 1.680),
    "subnasale": (0.0, 6.789, 1.563),
    "ala": (0.173, 6.894, 1.489),
    "mouth corner": (0.272, 6.620, 1.420),
    "upper lip": (0.0, 6.696, 1.597),
    "lower lip": (0.0, 6.488, 1.556),
    "chin": (0.0, 6.177, 1.403),
    "forehead": (0.0, 7.919, 1.445),
    "cheekbone": (0.688, 7.089, 0.875),
    "jaw": (0.553, 6.579, 0.781),
    "brow": (0.31, 7.409, 1.424),
}
"""Anthropometric points on the template (the person's left, or the midline), decimetres."""

BINS_FROM = 600
BINS: dict[str, tuple[float, float]] = {
    "face_length": (2.7555, 2.9082),
    "face_width": (2.1199, 2.2248),
    "jaw": (1.7903, 1.9141),
    "nose_width": (0.5689, 0.6521),
    "nose_length": (0.7994, 0.8538),
    "lips": (0.3084, 0.3809),
    "mouth_width": (0.794, 0.8538),
    "eye_size": (0.2404, 0.265),
    "eye_spacing": (0.8674, 0.9365),
    "brows": (0.0163, 0.0262),
    "brow_height": (0.174, 0.2025),
    "weight": (0.3737, 0.583),
}
"""Field to its lower and upper tercile."""


class Measurer:
    """Finds the points on the head's mesh once; measures any face made from it."""

    def __init__(self, head: Head) -> None:
        self._left = {name: head.nearest_vertex(x, y, z) for name, (x, y, z) in POINTS.items()}
        self._right = {name: head.nearest_vertex(-x, y, z) for name, (x, y, z) in POINTS.items()}
        self._head = head
        self._brow_cover = {n: p.coverage(head.rest) for n, p in head.proxies.items() if n.startswith("eyebrow")}

    def vertex(self, name: str, side: int) -> int:
        """The coarse vertex at a point of ``POINTS``; ``side`` -1 the person's right, 1 the left."""
        return (self._left if side > 0 else self._right)[name]

    def ratios(self, neutral: Array, identity: Identity, styling: Styling) -> dict[str, float]:
        """Measures by field, of the coarse vertices of a neutral face."""

        def both(name: str) -> Array:
            return np.asarray(neutral[[self._right[name], self._left[name]]].mean(0))

        def width(name: str) -> float:
            return float(neutral[self._left[name], 0] - neutral[self._right[name], 0])

        def height(upper: str, lower: str) -> float:
            return float(both(upper)[1] - both(lower)[1])

        eyes = (both("inner canthus") + both("outer canthus")) / 2
        between = (width("inner canthus") + width("outer canthus")) / 2
        to_mouth = float(eyes[1] - both("mouth corner")[1])
        unit = (between + to_mouth) / 2
        slit = (width("outer canthus") - width("inner canthus")) / 2
        return {
            "face_length": height("forehead", "chin") / unit,
            "face_width": width("cheekbone") / unit,
            "jaw": width("jaw") / unit,
            "nose_width": width("ala") / unit,
            "nose_length": height("nasion", "subnasale") / unit,
            "lips": height("upper lip", "lower lip") / unit,
            "mouth_width": width("mouth corner") / unit,
            "eye_size": float(np.sqrt(slit * height("upper lid", "lower lid"))) / unit,
            "eye_spacing": between / to_mouth,
            "brows": self._brow_area(styling),
            "brow_height": (self._brow_y(neutral, styling) - float(eyes[1])) / unit,
            "weight": identity.weight,
        }

    def words(self, neutral: Array, identity: Identity, styling: Styling) -> dict[str, str]:
        """Each measured field's word: its ratio's place among the terciles."""
        ratios = self.ratios(neutral, identity, styling)
        return {field: FIELDS[field][sum(ratio > bound for bound in BINS[field])] for field, ratio in ratios.items()}

    def _brow_area(self, styling: Styling) -> float:
        """How thick and dense the brows are: area times opacity, square decimetres."""
        if styling.brow in self._brow_cover:
            return self._brow_cover[styling.brow] * styling.brow_density
        return styling.brow_thickness * 2 * 0.66 * 0.8 * min(styling.brow_density, 1.0)

    def _brow_y(self, neutral: Array, styling: Styling) -> float:
        proxy = self._head.proxies.get(styling.brow)
        if proxy is not None:
            return float(proxy.fit(neutral)[:, 1].mean())
        drawn_above = BROW_Y + 0.035 - POINTS["brow"][1]
        return float(neutral[[self._left["brow"], self._right["brow"]], 1].mean()) + drawn_above
