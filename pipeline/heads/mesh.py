"""The face mesh: 468 points of a face in space, by the network that MediaPipe ships.

Kartynnik et al., "Real-time Facial Surface Geometry from Monocular Video on Mobile GPUs", arXiv 1907.06724.

``data/face_mesh.onnx`` was rebuilt from its TensorFlow Lite file (``scripts/convert_face_mesh.py``); Apache-2.0, its
licence lies beside it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import ModelError, Undecided
from pipeline.faces import warp
from pipeline.heads.topology import VERTICES
from pipeline.packaged import Session
from pipeline.photograph import Rgb

Points = NDArray[np.float64]
"""Float64 (468, 3): right and down in pixels of the photograph, and away from the viewer on the same scale."""

_WEIGHTS = Path(__file__).parent / "data" / "face_mesh.onnx"
SHA256 = "7f0a8be0dca15bdc80cea5eb9c241425d8bfcc9e9475639b02bb88ad3a98fc4b"

_SIDE = 192
_REACH = 1.5
"""Side of the square that the network is shown, over the longer side of the face's box: as in MediaPipe."""
_FIRST_REACH = 3.3
"""The first square's side, over the longer of the distance between the eyes and from eyes to mouth."""
_PASSES = 3
"""Looks, each in the square that the last one's points ask for."""
_LEAST_SCORE = 0.0
"""Logit of there being a face; MediaPipe asks for as much."""
_RIGHT, _LEFT = 33, 263
"""Outer corners of the eyes, which stand level in the square."""


@dataclass(frozen=True)
class _Place:
    """A turned square on the photograph: its centre, its side in pixels and its turn in radians."""

    centre: NDArray[np.float64]
    side: float
    turn: float

    def matrix(self) -> NDArray[np.float64]:
        """From pixels of the photograph to those of the network, (2, 3)."""
        cosine, sine = np.cos(self.turn), np.sin(self.turn)
        rotation = np.array([[cosine, sine], [-sine, cosine]]) * (_SIDE / self.side)
        return np.asarray(np.c_[rotation, _SIDE / 2 - rotation @ self.centre], np.float64)

    @classmethod
    def around(cls, points: Points) -> _Place:
        level = points[_LEFT, :2] - points[_RIGHT, :2]
        turn = float(np.arctan2(level[1], level[0]))
        rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        upright = points[:, :2] @ rotation.T
        low, high = upright.min(0), upright.max(0)
        return cls(rotation.T @ ((low + high) / 2), float((high - low).max()) * _REACH, turn)


class FaceMesh:
    """Finds the points of a face whose five landmarks are known. One object serves one thread."""

    def __init__(self) -> None:
        """Raises ModelError when the weights are missing or are not the pinned ones."""
        try:
            content = _WEIGHTS.read_bytes()
        except OSError as error:
            raise ModelError(f"the face mesh cannot be read: {error}") from error
        if hashlib.sha256(content).hexdigest() != SHA256:
            raise ModelError(f"{_WEIGHTS.name} is not the face mesh that this version was made with")
        self._session = Session(content)

    def points(self, rgb: Rgb, landmarks: NDArray[np.floating]) -> Points:
        """The mesh of the face in ``rgb`` whose ``landmarks`` (5, 2) are in YuNet's order.

        Raises Undecided when the landmarks are one point or the network sees no face there.
        """
        eyes, mouth = landmarks[:2].mean(0), landmarks[3:].mean(0)
        level = landmarks[1] - landmarks[0]
        unit = max(float(np.hypot(*(mouth - eyes))), float(np.hypot(*level)))
        if not unit >= 1:
            raise Undecided("a face's landmarks fall into one point or are not numbers")
        place = _Place(0.45 * eyes + 0.55 * mouth, _FIRST_REACH * unit, float(np.arctan2(level[1], level[0])))
        points, score = self.look(rgb, place.matrix())
        for _ in range(_PASSES - 1):
            points, score = self.look(rgb, _Place.around(points).matrix())
        if not (score > _LEAST_SCORE and np.isfinite(points).all()):
            raise Undecided("the face mesh sees no face where the finder does")
        return points

    def look(self, rgb: Rgb, matrix: NDArray[np.float64]) -> tuple[Points, float]:
        """One look at the square that ``matrix`` (2, 3) takes to the network's 192 pixels: points and the logit."""
        scale = float(np.hypot(*matrix[:, 0]))
        square = warp(rgb, matrix, _SIDE)
        shown = np.ascontiguousarray(square.transpose(2, 0, 1)[None] / 255, np.float32)  # (1, 3, 192, 192)
        try:
            said = self._session.run(input=shown)
        except Exception as error:
            raise Undecided(f"the face mesh failed: {error}") from error
        found = said["points"].reshape(VERTICES, 3).astype(np.float64)
        plane = (found[:, :2] - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T
        return np.c_[plane, found[:, 2] / scale], float(said["score"].ravel()[0])
