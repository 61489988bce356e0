"""What a person may change between two visits: hair, brows, beard, make-up, glasses, jewellery."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.renderer.identity import Colour, Identity
from pipeline.renderer.proxies import BROWS, LASHES

FRAME_COLOURS: tuple[Colour, ...] = (
    (0.02, 0.02, 0.02),
    (0.25, 0.18, 0.08),
    (0.10, 0.04, 0.02),
    (0.35, 0.02, 0.03),
    (0.5, 0.5, 0.52),
)
LIPSTICKS: tuple[Colour, ...] = (
    (0.42, 0.03, 0.05),
    (0.50, 0.10, 0.12),
    (0.30, 0.02, 0.08),
    (0.55, 0.15, 0.10),
    (0.16, 0.02, 0.04),
)
EYE_SHADOWS: tuple[Colour, ...] = ((0.12, 0.06, 0.12), (0.05, 0.08, 0.2), (0.2, 0.1, 0.06), (0.03, 0.03, 0.03))
EARRINGS: tuple[Colour, ...] = ((0.9, 0.6, 0.2), (0.8, 0.8, 0.82), (0.5, 0.02, 0.03), (0.05, 0.2, 0.5))
CAPS: tuple[Colour, ...] = (
    (0.05, 0.16, 0.30),
    (0.06, 0.25, 0.18),
    (0.5, 0.5, 0.52),
    (0.45, 0.02, 0.03),
    (0.03, 0.03, 0.05),
    (0.4, 0.25, 0.05),
)
STUDS = ("nose", "brow", "lip", "bindi")

FEMALE_HAIR = {
    "bob": 0.05,
    "braid": 0.06,
    "long": 0.29,
    "ponytail": 0.28,
    "short slick": 0.07,
    "short crop": 0.03,
    "short quiff": 0.05,
    "afro": 0.05,
    "cap": 0.10,
    "buzz cut": 0.02,
}
MALE_HAIR = {
    "short slick": 0.11,
    "short messy": 0.27,
    "short crop": 0.05,
    "short quiff": 0.18,
    "afro": 0.05,
    "buzz cut": 0.15,
    "bald": 0.10,
    "cap": 0.07,
    "long": 0.02,
}
WITHOUT_ASSETS = {"cap": 0.4, "buzz cut": 0.4, "bald": 0.2}
"""Hair styles that are painted on the head's own mesh."""


@dataclass(frozen=True)
class Glasses:
    colour: Colour
    squareness: float
    """Exponent of the superellipse: 2 is round."""
    thickness: float
    """Radius of the frame, decimetres."""


@dataclass(frozen=True)
class Styling:
    """Drawn from one seed for one identity. Colours are linear sRGB, alphas and densities about 0 to 1."""

    hair_style: str
    brow: str
    brow_density: float
    brow_thickness: float
    """Of a painted brow, decimetres; used where brow assets are absent."""
    lashes: str
    beard: float
    """0 none, below 0.5 stubble, 1 full."""
    cap_colour: Colour
    glasses: Glasses | None
    lipstick: Colour | None
    lipstick_alpha: float
    eye_shadow: Colour | None
    blush: float
    earrings: Colour | None
    earring_radius: float
    stud: str | None

    @property
    def beard_word(self) -> str:
        return "none" if self.beard == 0 else "stubble" if self.beard < 0.5 else "beard"


def sample_styling(seed: int, identity: Identity, with_assets: bool) -> Styling:
    """Draws how the identity comes to a visit; ``with_assets`` says whether hair cards exist."""
    random = np.random.default_rng([seed, 303])
    female = identity.sex == "female"

    def pick(options: tuple[Colour, ...], chance: float) -> Colour | None:
        number, hit = int(random.integers(len(options))), random.random() < chance
        return options[number] if hit else None

    hair = (FEMALE_HAIR if female else MALE_HAIR) if with_assets else WITHOUT_ASSETS
    chances = np.array(list(hair.values()))
    style = str(random.choice(list(hair), p=chances / chances.sum()))
    if style == "afro" and identity.ancestry["african"] < 0.3:
        style = "ponytail" if female else "short messy"
    beard = float(random.choice([0, 0.12, 0.3, 0.75, 1.0], p=[0.3, 0.3, 0.15, 0.1, 0.15]))
    frame = pick(FRAME_COLOURS, 0.2)
    squareness, thickness = float(random.uniform(2.0, 4.5)), float(random.uniform(0.010, 0.022))
    stud = STUDS[int(random.integers(len(STUDS)))]
    return Styling(
        hair_style=style,
        brow=BROWS[int(random.integers(len(BROWS)))],
        brow_density=float(random.uniform(0.6, 1.15)),
        brow_thickness=float(random.uniform(0.022, 0.062)),
        lashes=LASHES[int(random.integers(len(LASHES)))],
        beard=0.0 if female or identity.age_years <= 18 else beard,
        cap_colour=CAPS[int(random.integers(len(CAPS)))],
        glasses=None if frame is None else Glasses(frame, squareness, thickness),
        lipstick=pick(LIPSTICKS, 0.4 if female else 0.0),
        lipstick_alpha=float(random.uniform(0.4, 0.85)),
        eye_shadow=pick(EYE_SHADOWS, 0.2 if female else 0.0),
        blush=float(random.uniform(0.2, 0.6)) if random.random() < (0.15 if female else 0.0) else 0.0,
        earrings=pick(EARRINGS, 0.3 if female else 0.08),
        earring_radius=float(random.uniform(0.025, 0.06)),
        stud=stud if random.random() < 0.07 else None,
    )
