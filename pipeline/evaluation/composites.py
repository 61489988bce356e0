"""Twins that leak a part of the patient, as a swap that half failed would: what the gate must hold back.

Each is put together from a patient's photograph and a true swap of it, which the renderer makes (see
``unseen.true_swap``). Pose, light, hair and disease are the same in both, so nothing but the kept part gives the
patient away. For the leaks the swap is moved onto the patient, eyes on eyes and mouth on mouth: a face with two
pairs of eyes would be easy to hold back. The true swap itself stands beside them: a gate that holds everything back is
no gate.

Parts are cut out by the patient's landmarks. Lengths are in face units, the longer of the distance between the eyes and
that from eyes to mouth (the scale of ``framing``); "down" points from the eyes to the mouth, so a tilted head is cut
along its own axes.
"""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from pipeline.edits import FlowTwinMaker
from pipeline.errors import Refusal
from pipeline.evaluation.unseen import UnseenPatient
from pipeline.faces import similarity
from pipeline.photograph import Photograph, Rgb, Twins
from pipeline.renderer import RenderedPatient

FULL_SWAP, FIRST_TRY = "full_swap", "full_swap_first_try"
"""The true swap, in its three tries as in service, where a refused twin is tried again as another persona; and in the
first of them alone."""
LEAKS = {
    "eyes_kept": "the patient's eyes and brows in the swapped face",
    "mouth_kept": "the patient's mouth and chin in the swapped face",
    "rim_kept": "only the inner face swapped; jaw, ears, forehead and hairline are the patient's",
    "inner_face_kept": "only the rim swapped; eyes, nose and mouth are the patient's",
    "blend_50": "every pixel half the patient",
    "blend_70": "every pixel 70 % the patient",
    "mirrored": "the patient's mirror image, the face where it was",
    "untouched": "the patient's photograph as it came",
}
"""Each partial leak, and what it shows."""
KINDS = (*LEAKS, FULL_SWAP, FIRST_TRY)

_BESIDE = 1.0
"""Half width of the bands that hold eyes or mouth: to the temples."""
_EYES = (-0.50, 0.40)
"""Down from the eyes: brows to the lower lids' shadow."""
_MOUTH = (0.70, 1.90)
"""Down from the eyes: below the nose to beyond the chin."""
_INNER = (0.95, 1.15)
"""Half axes of the inner face around the landmarks' mean: brows to chin, without ears, jaw and hairline."""
_FEATHER = 0.06
"""Standard deviation of the Gaussian that softens every cut."""


def composites(
    patient: Rgb, swapped: Rgb, landmarks: NDArray[np.floating], swapped_landmarks: NDArray[np.floating]
) -> dict[str, Rgb]:
    """Each of ``LEAKS`` and the full swap, uint8 of the photographs' shape.

    ``patient`` and ``swapped``: uint8 (height, width, 3), the same scene. The landmarks, (5, 2) in pixels in the order
    of ``Face.landmarks``, are those of each. ``ValueError`` when the shapes differ or the patient's landmarks are one
    point, Undecided when the swap cannot be laid on the patient.
    """
    if patient.shape != swapped.shape:
        raise ValueError(f"the photograph is {patient.shape} and its swap {swapped.shape}")
    kept = {name: mask[..., None] for name, mask in masks(patient.shape, landmarks).items()}
    kept |= {"blend_50": np.array(0.5), "blend_70": np.array(0.7)}
    stranger = _moved(swapped, similarity(swapped_landmarks.astype(np.float64), landmarks.astype(np.float64)))
    mixed = {name: np.rint(patient * share + stranger * (1 - share)).astype(np.uint8) for name, share in kept.items()}
    middle = float(landmarks[:, 0].mean())
    # About the frame's middle the face would not be where it was, and be held back for that alone.
    mirrored = _moved(patient, np.array([[-1.0, 0.0, 2 * middle], [0.0, 1.0, 0.0]]))
    return {**mixed, "mirrored": mirrored, "untouched": patient, FULL_SWAP: swapped}


def masks(shape: tuple[int, ...], landmarks: NDArray[np.floating]) -> dict[str, NDArray[np.float64]]:
    """The patient's share of each pixel, (height, width) in [0, 1], in the composites that keep a part."""
    points = np.asarray(landmarks, np.float64)
    eyes, mouth, centre = points[:2].mean(0), points[3:].mean(0), points.mean(0)
    apart = float(np.hypot(*(mouth - eyes)))
    unit = max(apart, float(np.hypot(*(points[1] - points[0]))))
    if not apart >= 1:
        raise ValueError("the landmarks are one point or not numbers")
    down = (mouth - eyes) / apart
    y, x = np.mgrid[: shape[0], : shape[1]]

    def along(origin: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """To the side and down from ``origin``, in face units."""
        from_x, from_y = (x - origin[0]) / unit, (y - origin[1]) / unit
        return from_x * down[1] - from_y * down[0], from_x * down[0] + from_y * down[1]

    aside, below = along(eyes)
    inner = np.hypot(*(value / half for value, half in zip(along(centre), _INNER, strict=True))) < 1
    parts = {
        "eyes_kept": (abs(aside) < _BESIDE) & (below > _EYES[0]) & (below < _EYES[1]),
        "mouth_kept": (abs(aside) < _BESIDE) & (below > _MOUTH[0]) & (below < _MOUTH[1]),
        "rim_kept": ~inner,
        "inner_face_kept": inner,
    }
    return {name: gaussian_filter(part.astype(np.float64), _FEATHER * unit) for name, part in parts.items()}


def judged_composites(
    maker: FlowTwinMaker, patient: UnseenPatient, swaps: Iterable[RenderedPatient]
) -> dict[str, str | None]:
    """Why ``maker``'s gate holds back each of ``KINDS`` in place of the patient's photograph; None where it releases.

    Judged as in service: both twins, with the disease and without, must pass, and where they differ the twin keeps the
    patient's texture on purpose. ``swaps``: true swaps into the personas of the patient's deck, in its order, one a
    try; the leaks are made of the first. ``ValueError`` without any.
    """
    truth, verdicts = patient.rendered, dict[str, str | None]()
    for attempt, swap in enumerate(swaps):
        sick = composites(truth.photograph, swap.photograph, truth.landmarks, swap.landmarks)
        healthy = composites(truth.healthy_twin, swap.healthy_twin, truth.landmarks, swap.landmarks)
        refusal = {
            kind: _refusal(maker, patient.photograph, Twins(sick[kind], healthy[kind]))
            for kind in ((*LEAKS, FULL_SWAP) if attempt == 0 else (FULL_SWAP,))
        }
        verdicts |= refusal
        verdicts.setdefault(FIRST_TRY, refusal[FULL_SWAP])
        if refusal[FULL_SWAP] is None:
            break
    if not verdicts:
        raise ValueError("there is no swap to judge")
    return verdicts


def _refusal(maker: FlowTwinMaker, photograph: Photograph, twins: Twins) -> str | None:
    try:
        maker.judge(photograph, twins)
    except Refusal as refusal:
        return f"{type(refusal).__name__}: {refusal}"
    return None


def _moved(rgb: Rgb, matrix: NDArray[np.float64]) -> Rgb:
    """``rgb`` under an affine map (2, 3); beyond its edge the edge is repeated."""
    size = (rgb.shape[1], rgb.shape[0])
    moved = cv2.warpAffine(rgb, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.uint8)
