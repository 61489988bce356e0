"""Examined patients made up for tests: descriptors drawn at random, pictures of one colour."""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.evaluation import KINDS, LEAKS
from pipeline.evaluation.case import Case, Described
from pipeline.evaluation.masks import Pictures
from pipeline.evaluation.skin import SkinCase
from pipeline.gate import Calibration

CALIBRATION = Calibration("made-up", "random numbers", sface_cosine=0.5, dlib_distance=0.4, ncc=0.65, digests={})
"""Same people score 1 and 0 here, others about 0 and 1.6."""

SKIN_TYPES = ("I", "II", "III", "IV", "V", "VI")


def somebody(number: int) -> Described:
    """Always the same face for the same number, and another one for another."""
    random = np.random.default_rng(number)
    return Described(random.normal(size=128), 0.1 * random.normal(size=128))


def case(number: int, **other: Any) -> Case:
    """A patient who became somebody else and was released."""
    square = np.zeros((24, 24), bool)
    square[8:16, 8:16] = True
    grey = np.full((24, 24, 3), 120 + number % 50, np.uint8)
    usual: dict[str, Any] = {
        "seed": number,
        "lesion": ("plaque", "naevus")[number % 2],
        "skin_type": SKIN_TYPES[number % 6],
        "released": True,
        "tries": 1,
        "refusals": [],
        "original": somebody(number),
        "ungated": somebody(10_000 + number),
        "twin": somebody(10_000 + number),
        "goal": somebody(10_000 + number),
        "later": [somebody(10_000 + number), somebody(10_000 + number)],
        "mask_iou_truth": 0.6,
        "otsu_iou": 0.2,
        "mask_iou_stability": 0.9,
        "lesion_delta_a": 1.0,
        "healthy_false_area": 0.001,
        "distractor_rate": 0.0,
        "outside_delta_e": 0.1,
        "reverse_edit_psnr": 12.0,
        "reversed_once": somebody(30_000 + number),
        "reversed_averaged": somebody(30_000 + number),
        "composites": {kind: "Rejected: still the patient" if kind in LEAKS else None for kind in KINDS},
        "seconds": {"heal": 0.3, "swap": 0.8, "gate": 0.25, "subtract": 0.15},
        "pictures": Pictures(grey, grey, grey, square, square),
        "skin": SkinCase(number, "erythema", "III", True, 0.7, 0.1, 0.002, Pictures(grey, grey, grey, square, square)),
    }
    return Case(**{**usual, **other})
