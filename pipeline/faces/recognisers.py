"""Two face recognisers that share neither training, nor architecture, nor alignment.

SFace (Zhong et al., IEEE TIP 2021), by onnxruntime, on the five YuNet points warped to its template. dlib's ResNet
(King 2017, dlib 19.3), on dlib's own five-point predictor, which looks for the eyes' corners and the nose by itself.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import dlib
import numpy as np
from numpy.typing import NDArray

from pipeline.errors import FaceDenied, ModelError, Undecided
from pipeline.faces.alignment import similarity, warp
from pipeline.faces.finder import Face
from pipeline.packaged import DLIB_FIVE_POINTS, DLIB_RESNET, SFACE, Session, with_only_inputs
from pipeline.photograph import Rgb

Descriptor = NDArray[np.float64]
"""Float64, shape (128,): what a recogniser sees of a face."""

_REMEMBERED = 64
"""Descriptors that are kept: a photograph's outlast the heads that are tried on and its twins."""

_LARGEST = 12_000_000
"""Samples of a picture beyond which to know it again takes longer than to describe a face in it once more."""


class Recogniser(Protocol):
    """What the gate asks of a recogniser."""

    name: str
    digests: Mapping[str, str]
    """All that decides its scores: SHA-256 of each weights file, and the revision of the alignment."""

    def describe(self, rgb: Rgb, face: Face) -> Descriptor:
        """The face's descriptor, finite. Raises FaceDenied when this recogniser sees no face there, else Undecided."""
        ...

    def score(self, first: Descriptor, second: Descriptor) -> float:
        """How alike two descriptors are, in the recogniser's own measure."""
        ...


class SFace:
    """SFace: the score is a cosine, -1 to 1; the same pixels give 1."""

    name = "sface"
    digests: Mapping[str, str] = {"sface": SFACE.sha256, "sface-alignment": "1"}

    # Where the landmarks go in 112 x 112 pixels: FaceRecognizerSF of OpenCV 4.8, after InsightFace.
    _TEMPLATE = np.array(
        [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
    )
    _SIDE = 112

    def __init__(self) -> None:
        """Raises ModelError when the weights are missing or are not the pinned ones."""
        self._session = Session(with_only_inputs(SFACE.read(), ["data"]))

    def align(self, rgb: Rgb, face: Face) -> Rgb:
        """The face by its landmarks as uint8 (112, 112, 3). Raises Undecided when its landmarks are one point."""
        return warp(rgb, similarity(face.landmarks, self._TEMPLATE), self._SIDE)

    def describe(self, rgb: Rgb, face: Face) -> Descriptor:
        """See Recogniser. SFace reads red, green, blue, 0 to 255."""
        chip = self.align(rgb, face).astype(np.float32).transpose(2, 0, 1)[None]  # (1, 3, 112, 112)
        try:
            (values,) = self._session.run(data=np.ascontiguousarray(chip)).values()
        except Exception as error:
            raise Undecided(f"SFace failed on a face that was found: {error}") from error
        return _finite(values[0], "SFace")

    def score(self, first: Descriptor, second: Descriptor) -> float:
        """The cosine of the angle between two descriptors: higher is more alike."""
        return float(first @ second / (np.linalg.norm(first) * np.linalg.norm(second)))


class DlibResNet:
    """dlib's ResNet: the score is a Euclidean distance, from 0 up; the same pixels give 0."""

    name = "dlib-resnet"
    digests: Mapping[str, str] = {
        "dlib-resnet": DLIB_RESNET.sha256,
        "dlib-five-points": DLIB_FIVE_POINTS.sha256,
        "dlib-alignment": "1",
    }

    _CHIP = 150
    _PADDING = 0.25
    # The predictor learned on the squares of dlib's own detector. Measured against it on 99 rendered faces, in units of
    # max(eyes to mouth, eye to eye): side 2.02 to 2.62, centred between eyes and mouth to within 0.18 (5 % to 95 %).
    _BOX_SIDE = 2.26
    # On 300 rendered faces the two landmark finders put the eyes at most 0.18 units apart.
    _LARGEST_DISAGREEMENT = 0.35

    def __init__(self) -> None:
        """Raises ModelError when the weights are missing or are not the pinned ones."""
        try:
            self._predictor = dlib.shape_predictor(str(DLIB_FIVE_POINTS.locate()))
            self._network = dlib.face_recognition_model_v1(str(DLIB_RESNET.locate()))
        except RuntimeError as error:
            raise ModelError(f"dlib does not accept its weights: {error}") from error

    def describe(self, rgb: Rgb, face: Face) -> Descriptor:
        """See Recogniser. FaceDenied when dlib's points and YuNet's stand on different eyes."""
        points = self.landmarks(rgb, face)
        chip = np.ascontiguousarray(dlib.get_face_chip(np.ascontiguousarray(rgb), points, self._CHIP, self._PADDING))
        return _finite(np.array(self._network.compute_face_descriptor(chip)), "dlib")

    def landmarks(self, rgb: Rgb, face: Face) -> Any:
        """dlib's five points: the left eye's outer and inner corner, the right eye's, below the nose."""
        right_eye, left_eye, _, right_mouth, left_mouth = face.landmarks
        eyes, mouth = (right_eye + left_eye) / 2, (right_mouth + left_mouth) / 2
        unit = max(float(np.hypot(*(eyes - mouth))), float(np.hypot(*(right_eye - left_eye))))
        if not unit >= 1:
            raise Undecided("a face's landmarks fall into one point or are not numbers")
        centre = (eyes + mouth) / 2
        low, high = centre - self._BOX_SIDE * unit / 2, centre + self._BOX_SIDE * unit / 2
        points = self._predictor(np.ascontiguousarray(rgb), dlib.rectangle(*(round(float(v)) for v in (*low, *high))))
        corners = np.array([[point.x, point.y] for point in points.parts()], np.float64)
        apart = np.hypot(*(np.stack([corners[2:4].mean(0), corners[0:2].mean(0)]) - face.landmarks[:2]).T).max()
        if not apart <= self._LARGEST_DISAGREEMENT * unit:
            raise FaceDenied(f"dlib finds no face there: its eyes are {apart / unit:.2f} face units from YuNet's")
        return points

    def score(self, first: Descriptor, second: Descriptor) -> float:
        """The distance between two descriptors: lower is more alike."""
        return float(np.linalg.norm(first - second))


class Remembering:
    """``recogniser``, which describes one face in the same pixels once. Serves one thread."""

    def __init__(self, recogniser: Recogniser) -> None:
        self._recogniser = recogniser
        self.name, self.digests = recogniser.name, recogniser.digests
        self._known: OrderedDict[tuple[object, ...], Descriptor] = OrderedDict()

    def describe(self, rgb: Rgb, face: Face) -> Descriptor:
        """See Recogniser; not to be written to. A refusal is not remembered."""
        if rgb.size > _LARGEST:
            return self._recogniser.describe(rgb, face)
        pixels = hashlib.blake2b(np.ascontiguousarray(rgb).data).digest()
        key = (pixels, rgb.shape, face.landmarks.dtype.str, face.landmarks.tobytes())  # all that is looked at
        if key not in self._known:
            found = self._recogniser.describe(rgb, face)
            found.flags.writeable = False
            self._known[key] = found
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        self._known.move_to_end(key)
        return self._known[key]

    def score(self, first: Descriptor, second: Descriptor) -> float:
        return self._recogniser.score(first, second)


@dataclass(frozen=True)
class Recognisers:
    """The two that the gate asks. Both must agree before anything is released."""

    sface: Recogniser
    dlib: Recogniser

    @classmethod
    def load(cls) -> Recognisers:
        """Both with their pinned weights. Raises ModelError."""
        return cls(SFace(), DlibResNet())

    def remembering(self) -> Recognisers:
        """Both, for one who asks for the same faces again: healing, swap and gate do."""
        return Recognisers(Remembering(self.sface), Remembering(self.dlib))


def _finite(values: NDArray[Any], name: str) -> Descriptor:
    descriptor = values.astype(np.float64)
    if not np.isfinite(descriptor).all() or not np.any(descriptor):
        raise Undecided(f"{name} gave a descriptor that is not a number")
    return descriptor
