"""The plain objects that pass through the pipeline: a photograph with its hints, and what is made of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UnusablePhotograph

Rgb = NDArray[np.uint8]
"""sRGB, uint8, shape (height, width, 3)."""

Sex = Literal["female", "male"]
View = Literal["face", "close-up", "dermoscopy"]
SkinType = Literal["I", "II", "III", "IV", "V", "VI"]
LesionKind = Literal["erythema", "papules", "plaque", "naevus", "vitiligo"]
LesionClass = Literal["erythema", "pigmented", "depigmented", "none"]

SMALLEST_SIDE = 32
"""Pixels. Below this no face can be found and no lesion seen."""


@dataclass(frozen=True)
class Hints:
    """What the header said of the photograph, read in memory and never stored. ``None`` means the header is silent.

    ``view`` is the policy's handle: "face" demands that a face is found, "close-up" and "dermoscopy" allow none,
    ``None`` demands one as well, since silence is never taken for safety; see ``policy``. ``face_ruled_out``: not the
    header but a person who looked at the photograph says that it shows none but what is known for one.
    ``marks_vouched``: the same of tattoos, rings and bands: what may be seen of them tells nobody.
    """

    view: View | None = None
    sex: Sex | None = None
    age_years: int | None = None
    skin_type: SkinType | None = None
    lesion: LesionKind | None = None
    face_ruled_out: bool = False
    marks_vouched: bool = False


@dataclass(frozen=True)
class Photograph:
    """One frame: sRGB uint8 (height, width, 3) and its hints."""

    rgb: Rgb
    hints: Hints = field(default_factory=Hints)

    def __post_init__(self) -> None:
        if self.rgb.dtype != np.uint8 or self.rgb.ndim != 3 or self.rgb.shape[2] != 3:
            raise UnusablePhotograph(f"expected uint8 (height, width, 3), got {self.rgb.dtype} {self.rgb.shape}")
        if min(self.rgb.shape[:2]) < SMALLEST_SIDE:
            height, width = self.rgb.shape[:2]
            raise UnusablePhotograph(f"{width} x {height} pixels; at least {SMALLEST_SIDE} on each side are needed")


@dataclass(frozen=True)
class Findings:
    """The gate's figures for one twin, as they go to the manifest.

    ``outcome`` "released" means that every check found another person; "no-face" that the policy allows a photograph
    without a face and none was found.
    """

    outcome: Literal["released", "no-face"]
    faces: int
    sface_cosine: float | None = None
    dlib_distance: float | None = None
    ncc: float | None = None


@dataclass(frozen=True, eq=False)
class Twins:
    """The same new person with and without the disease, of the photograph's size."""

    sick: Rgb
    healthy: Rgb

    @property
    def differing(self) -> NDArray[np.bool_]:
        """Where they do: bool (height, width)."""
        return any_channel(self.sick != self.healthy)


def any_channel(flags: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Where any of the three channels of ``flags`` (height, width, 3) is set; ten times as fast as ``any(-1)``."""
    red, green, blue = np.moveaxis(flags, 2, 0)
    return np.asarray(red | green | blue)


@dataclass(frozen=True)
class Subtraction:
    """The difference between the twins, ``sick - healthy``.

    ``difference``: float32 (height, width, 3), signed CIELAB (L*, a*, b*); of large twins at the smaller size at which
    they were compared. ``probability``: float32 (height, width) in
    [0, 1]. ``mask``: bool (height, width). ``lesion_class``: from the sign of the difference inside the mask.
    """

    difference: NDArray[np.float32]
    probability: NDArray[np.float32]
    mask: NDArray[np.bool_]
    lesion_class: LesionClass
