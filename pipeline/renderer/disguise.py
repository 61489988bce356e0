"""A patient in somebody else's face: what an identity swap is meant to give, so the truth to train and judge by."""

from __future__ import annotations

from dataclasses import replace

from pipeline.renderer.identity import Identity
from pipeline.renderer.styling import Styling, sample_styling


def disguised_styling(seed: int, patient: Identity, persona: Identity, with_assets: bool) -> Styling:
    """The patient's hair, beard, glasses and jewellery with the persona's brows and lashes."""
    own = sample_styling(seed, patient, with_assets)
    other = sample_styling(persona.seed, persona, with_assets)
    return replace(
        own,
        brow=other.brow,
        brow_density=other.brow_density,
        brow_thickness=other.brow_thickness,
        lashes=other.lashes,
    )


def disguised_identity(patient: Identity, persona: Identity, styling: Styling) -> Identity:
    """The persona's face, moles and eyes under the patient's complexion, age and hair colour.

    Whoever keeps a beard stays male: a swap that has to explain a beard on a woman is not believed.
    """
    return replace(
        persona,
        sex="male" if styling.beard else persona.sex,
        age_years=patient.age_years,
        wrinkles=patient.wrinkles,
        skin_type=patient.skin_type,
        typology_angle=patient.typology_angle,
        melanin=patient.melanin,
        blood=patient.blood,
        flush=patient.flush,
        gloss=patient.gloss,
        hair_colour=patient.hair_colour,
        hair_tone=patient.hair_tone,
    )
