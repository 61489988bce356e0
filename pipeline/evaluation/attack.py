"""The attack of whoever has the model, the method, the prompts and the released twin, but not the noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.edits import EditKnobs, FaceCrop, FlowTwinMaker, head_matte
from pipeline.evaluation.unseen import UnseenPatient
from pipeline.faces import FaceFinder
from pipeline.photograph import Rgb
from pipeline.vocabulary import as_persona, describe

ONCE, AVERAGED = EditKnobs(1.0, 4), EditKnobs(0.7, 4, n_avg=4)
"""The edit run backwards in one run with other noise; and more cautiously, averaged over four noises at each step. (At
sigma 1 the model does not look at them.)"""


@dataclass(frozen=True)
class ReversedEdit:
    """What the attacker gets.

    ``psnr``: dB, of the best picture of the patient's head, in the canonical square at the model's size; the twin
    itself is one of the pictures that the attacker may choose. ``once`` and ``averaged``: the twin with the head of
    each attempt put back into it, uint8 of the twin's shape. NaN and None where no face is found in the twin.
    """

    psnr: float
    once: Rgb | None
    averaged: Rgb | None


def reversed_edit(
    maker: FlowTwinMaker, finder: FaceFinder, patient: UnseenPatient, twin: Rgb, persona: str
) -> ReversedEdit:
    """The edit that made ``twin`` of ``patient`` as ``persona``, run backwards in both ways."""
    faces = finder.find(twin)
    if not faces:
        return ReversedEdit(float("nan"), None, None)
    crop = FaceCrop.around(faces[0], twin.shape)
    side = maker.resolution
    original, released = crop.take(patient.photograph.rgb, side), crop.take(twin, side)
    patients = describe(patient.photograph.hints).saying(view="face")
    personas = as_persona(patients, persona)
    landmarks = crop.within(faces[0].landmarks, side)
    once, averaged = (maker.edit(released, landmarks, personas, patients, knobs) for knobs in (ONCE, AVERAGED))
    best = max(_psnr(original, guess) for guess in (released, once, averaged))
    return ReversedEdit(best, crop.put_back(twin, once), crop.put_back(twin, averaged))


def _psnr(original: Rgb, guess: Rgb) -> float:
    weight = head_matte(len(original))[..., None]
    square = (original.astype(np.float64) - guess) ** 2
    error = float((square * weight).sum() / (3 * weight.sum()))
    return float(10 * np.log10(255**2 / max(error, 1e-6)))
