"""Faces in a photograph: YuNet (Wu, Peng & Yu, Machine Intelligence Research 2023) on a pyramid of sizes.

YuNet was trained on small faces and overlooks a large share of the large ones at full size, so the photograph is shown
at several sizes and the answers are merged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.errors import ModelError
from pipeline.packaged import YUNET, Session, with_shapes, without_idle_block_sizes
from pipeline.photograph import Rgb

PYRAMID = (160, 320, 640, 1280)
"""Pixels of the longest side, level by level."""

_STRIDES = (8, 16, 32)
_EYE_HALF_WIDTH, _EYE_HALF_HEIGHT = 0.27, 0.16
"""Over the distance between the eyes: 30 mm of 62 between the lids' corners, and the lids."""


@dataclass(frozen=True, eq=False)
class Face:
    """One face in pixel coordinates of the photograph it was found in.

    ``box``: float (4,), left, top, right, bottom. ``landmarks``: float (5, 2) as x, y: right eye, left eye, nose tip,
    right and left corner of the mouth; the person's own right comes first. ``score``: 0 to 1.
    """

    box: NDArray[np.float64]
    landmarks: NDArray[np.float64]
    score: float

    @property
    def size(self) -> float:
        """Pixels: the geometric mean of the box's sides."""
        return float(np.sqrt(max(self.box[2] - self.box[0], 0.0) * max(self.box[3] - self.box[1], 0.0)))


class FaceFinder:
    """Finds every upright face. One finder serves one thread.

    ``min_score``: YuNet's score, 0 to 1, from which a detection counts as a face.
    """

    digests: Mapping[str, str] = {"yunet": YUNET.sha256, "yunet-pyramid": "1"}

    def __init__(self, min_score: float = 0.6) -> None:
        """Raises ModelError when YuNet's weights are missing or are not the pinned ones."""
        self.min_score = min_score
        model = without_idle_block_sizes(YUNET.read())
        shapes: dict[str, list[int | str]] = {"input": [1, 3, "height", "width"]}
        for output, channels in {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}.items():
            shapes |= {f"{output}_{stride}": [1, f"cells_{stride}", channels] for stride in _STRIDES}
        self._session = Session(with_shapes(model, shapes))

    def find(self, rgb: Rgb, min_score: float | None = None) -> list[Face]:
        """The faces of ``rgb`` (uint8, height x width x 3), the largest first. An empty list means none was found.

        ``min_score``: another than the finder's own; those that score more are the same whatever it is.
        """
        longest = max(rgb.shape[:2])
        found: list[Face] = []
        for level, side in enumerate(PYRAMID):
            if level == 0 or side <= longest or PYRAMID[level - 1] < longest:
                found += self._find_at(rgb, side / longest, min_score)
        return sorted(_merge(found), key=lambda face: -face.size)

    def _find_at(self, rgb: Rgb, scale: float, min_score: float | None = None) -> list[Face]:
        least = self.min_score if min_score is None else min_score
        height, width = (max(round(length * scale), 1) for length in rgb.shape[:2])
        small = cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        canvas = np.zeros((-(-height // 32) * 32, -(-width // 32) * 32, 3), np.float32)
        canvas[:height, :width] = small[..., ::-1]  # YuNet reads blue, green, red, 0 to 255
        try:
            outputs = self._session.run(input=np.ascontiguousarray(canvas.transpose(2, 0, 1))[None])
        except Exception as error:
            raise ModelError(f"YuNet failed on {width} x {height} pixels: {error}") from error
        unscale = np.array([rgb.shape[1] / width, rgb.shape[0] / height])
        return [
            face for stride in _STRIDES for face in self._decode(outputs, stride, canvas.shape[1], unscale, least)
        ]

    def _decode(
        self, outputs: dict[str, Any], stride: int, width: int, unscale: NDArray[np.float64], least: float
    ) -> list[Face]:
        """As FaceDetectorYN of OpenCV 4.8 does: one prior a cell, its offsets in cells, its size in logarithms."""
        classes, objects, boxes, points = (
            outputs[f"{name}_{stride}"][0].astype(np.float64) for name in ("cls", "obj", "bbox", "kps")
        )
        scores = np.sqrt(np.clip(classes[:, 0], 0, 1) * np.clip(objects[:, 0], 0, 1))  # (cells,)
        faces = []
        for cell in np.flatnonzero(scores >= least):
            corner = np.array([cell % (width // stride), cell // (width // stride)], np.float64)
            centre = (corner + boxes[cell, :2]) * stride * unscale
            half = np.exp(boxes[cell, 2:]) * stride * unscale / 2
            landmarks = (corner + points[cell].reshape(5, 2)) * stride * unscale
            faces.append(Face(np.concatenate([centre - half, centre + half]), landmarks, float(scores[cell])))
        return faces


def eyes(faces: Sequence[Face], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Where the ``faces`` have their eyes, lids included, in a photograph of ``shape``: bool (height, width)."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    covered = np.zeros(shape[:2], bool)
    for face in faces:
        right, left = face.landmarks[:2]
        apart = max(float(np.hypot(*(left - right))), 1.0)
        for x, y in (right, left):
            covered |= np.hypot((columns - x) / (_EYE_HALF_WIDTH * apart), (rows - y) / (_EYE_HALF_HEIGHT * apart)) < 1
    return covered


def overlap(first: Face, second: Face) -> float:
    """Intersection over the smaller of the two boxes, 0 to 1: 1 when one lies inside the other."""
    low, high = np.maximum(first.box[:2], second.box[:2]), np.minimum(first.box[2:], second.box[2:])
    shared = float(np.prod(np.clip(high - low, 0, None)))
    return shared / max(min(first.size, second.size) ** 2, 1e-9)


def turned_back(face: Face, turns: int, shape: tuple[int, ...]) -> Face:
    """``face``, found after ``turns`` quarter turns counter-clockwise, in the photograph of ``shape`` before them."""
    height, width = shape[:2]
    corners = face.box.reshape(2, 2)
    points = np.concatenate([corners, face.landmarks])
    for turn in reversed(range(turns)):
        right = width if turn % 2 == 0 else height  # of the photograph before this turn
        points = np.stack([right - points[:, 1], points[:, 0]], axis=1)
    box = np.concatenate([points[:2].min(0), points[:2].max(0)])
    return Face(box, points[2:], face.score)


def _merge(faces: list[Face]) -> list[Face]:
    """Non-maximum suppression over all levels. A face inside a face is one face seen at another size."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: -face.score):
        if all(overlap(face, other) < 0.5 for other in kept):
            kept.append(face)
    return kept
