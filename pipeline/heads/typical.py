"""What faces look like in general, so that what one of them has beside that can be told (as in eigenfaces, Turk &
Pentland, J. Cognitive Neuroscience 3(1), 1991; fitted robustly: what stands out is not to be explained).

Complexion and exposure are left out before; light that falls off to a side is fitted beside the faces.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.heads.frontal import VIEW_SIDE, Values

COARSE = 32
"""Pixels along each side of the view in which faces are fitted."""
COMPONENTS = 50
_LEAST_BARE = 0.25
"""Share of faces whose skin is bare at a place, from which that is fitted."""
_RIDGE = 3.0
"""Weight of the components' own variance, over that of what they leave."""
_LIGHT = 0.3
"""Standard deviation of each term of the light."""
_ROUNDS = 2
_ROBUST = 1.5
"""Deviations beyond which a place counts less (Cauchy's weights)."""
_LEAST_DEVIATION = 0.02
_AROUND = 2.0
"""Standard deviation of the Gaussian by which the fit goes on beyond what is fitted."""


@dataclass(frozen=True, eq=False)
class TypicalFace:
    """``mean`` (COARSE, COARSE, 3) and ``components`` (COMPONENTS, COARSE, COARSE, 3), each of the size that it varies
    by, of logarithms of intensities relative to a face's middling ones; ``fitted`` bool (COARSE, COARSE): where.
    ``left``: standard deviation of what the components leave."""

    mean: Values
    components: Values
    fitted: NDArray[np.bool_]
    left: float

    @classmethod
    def of(cls, faces: Values, bare: Values) -> TypicalFace:
        """Learned from ``faces`` (n, COARSE, COARSE, 3) with ``bare`` skin (n, COARSE, COARSE)."""
        fitted = bare.mean(0) > _LEAST_BARE
        rows = faces[:, fitted].reshape(len(faces), -1).astype(np.float64)
        mean = rows.mean(0)
        _, sizes, directions = np.linalg.svd(rows - mean, full_matrices=False)
        directions, sizes = directions[:COMPONENTS], sizes[:COMPONENTS] / math.sqrt(len(rows))
        left = float((rows - mean - ((rows - mean) @ directions.T) @ directions).std())
        where = np.zeros((COARSE, COARSE, 3), np.float32)
        components = np.zeros((COMPONENTS, COARSE, COARSE, 3), np.float32)
        where[fitted] = mean.reshape(-1, 3)
        components[: len(directions), fitted] = (directions * sizes[:, None]).reshape(len(directions), -1, 3)
        return cls(where, components, fitted, left)

    def nearest(self, relative: Values, bare: Values) -> Values:
        """The face that is most like ``relative`` (VIEW_SIDE, VIEW_SIDE, 3) where its skin is ``bare``, as large."""
        small = cv2.resize(relative, (COARSE, COARSE), interpolation=cv2.INTER_AREA)
        seen = cv2.resize(bare, (COARSE, COARSE), interpolation=cv2.INTER_AREA)[self.fitted]
        base = np.concatenate([self.components[:, self.fitted].reshape(len(self.components), -1), self._light()]).T
        wanted = small[self.fitted].reshape(-1) - self.mean[self.fitted].reshape(-1)
        counts, shares = seen, np.zeros(base.shape[1], np.float32)
        ridge = np.eye(base.shape[1], dtype=np.float32) * (self.left**2 * _RIDGE)
        for _ in range(_ROUNDS):
            weighted = base.T * np.repeat(counts, 3)
            shares = np.linalg.solve(weighted @ base + ridge, weighted @ wanted).astype(np.float32)
            away = np.sqrt(((wanted - base @ shares).reshape(-1, 3) ** 2).mean(1))
            usual = math.sqrt(float(np.average(away**2, weights=np.maximum(counts, 1e-4))))
            counts = seen / (1 + (away / (_ROBUST * max(usual, _LEAST_DEVIATION))) ** 2)
        face = np.zeros((COARSE, COARSE, 3), np.float32)
        face[self.fitted] = (base @ shares).reshape(-1, 3) + self.mean[self.fitted]
        known = self.fitted.astype(np.float32)
        around = cv2.GaussianBlur(face, (0, 0), _AROUND) / np.maximum(
            cv2.GaussianBlur(known, (0, 0), _AROUND)[..., None], 1e-3
        )
        face = np.where(self.fitted[..., None], face, around)
        return np.asarray(cv2.resize(face, (VIEW_SIDE, VIEW_SIDE), interpolation=cv2.INTER_LINEAR), np.float32)

    def _light(self) -> Values:
        """Terms up to the second degree, each in one channel, (18, d)."""
        y, x = np.mgrid[-1 : 1 : COARSE * 1j, -1 : 1 : COARSE * 1j]
        terms = np.stack([np.ones_like(x), x, y, x * y, x**2, y**2])[:, self.fitted]
        each = [_LIGHT * np.outer(term, np.eye(3)[channel]).ravel() for term in terms for channel in range(3)]
        return np.asarray(each, np.float32)
