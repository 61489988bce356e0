"""A patient in somebody else's face: what an identity swap is meant to give, so the truth to train and judge by."""

from __future__ import annotations

from dataclasses import replace

from pipeline.renderer.identity import Identity
from pipeline.renderer.optics import melanin_for_angle
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


PORTRAIT_SCENE = 1_601_044
"""Seed of a scene that looks straight at the face in soft light, eyes open."""
PORTRAIT_ANGLE, PORTRAIT_BLOOD = 35.0, 0.0095
"""Individual typology angle in degrees (type III) and blood volume fraction of every portrait."""


def portrait_identity(persona: Identity) -> Identity:
    """The persona's face under the complexion and age that all portraits share."""
    return replace(
        persona,
        age_years=35.0,
        wrinkles=0.0,
        skin_type="III",
        typology_angle=PORTRAIT_ANGLE,
        melanin=melanin_for_angle(PORTRAIT_ANGLE, PORTRAIT_BLOOD),
        blood=PORTRAIT_BLOOD,
        hair_colour="brown",
        hair_tone=1.0,
    )


def portrait_styling(styling: Styling) -> Styling:
    """Nothing but the face and its own brows."""
    return replace(
        styling,
        hair_style="bald",
        beard=0.0,
        glasses=None,
        lipstick=None,
        eye_shadow=None,
        blush=0.0,
        earrings=None,
        stud=None,
    )
