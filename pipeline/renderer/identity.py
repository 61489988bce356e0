"""Who a rendered person is: what would still be theirs in another photograph, in another light, with other hair."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.renderer.geometry_bake import ANCESTRIES
from pipeline.renderer.head import Head
from pipeline.renderer.optics import SKIN_TYPES, melanin_for_angle

Array = NDArray[np.float32]
Colour = tuple[float, float, float]
"""Linear sRGB."""

EYE_COLOURS: dict[str, Colour] = {
    "dark": (0.025, 0.013, 0.008),
    "brown": (0.055, 0.026, 0.012),
    "hazel": (0.13, 0.075, 0.025),
    "green": (0.10, 0.12, 0.06),
    "blue": (0.10, 0.17, 0.27),
    "grey": (0.17, 0.20, 0.22),
}
HAIR_COLOURS: dict[str, Colour] = {
    "black": (0.012, 0.010, 0.009),
    "dark brown": (0.030, 0.019, 0.012),
    "brown": (0.070, 0.040, 0.022),
    "light brown": (0.14, 0.085, 0.045),
    "blond": (0.36, 0.25, 0.13),
    "red": (0.20, 0.062, 0.022),
    "grey": (0.28, 0.27, 0.26),
    "white": (0.60, 0.59, 0.57),
}

ITA_RANGES = {
    "I": (55.5, 60.0),
    "II": (41.5, 54.5),
    "III": (28.5, 40.5),
    "IV": (10.5, 27.5),
    "V": (-29.5, 9.5),
    "VI": (-56.0, -30.5),
}
"""Degrees, the range that is drawn from for each type; inside the bounds of ``optics.ITA_BOUNDS``."""
BLOOD_RANGES = {"I": (0.0058, 0.0070), "II": (0.0060, 0.0105)}
"""Volume fractions; without less blood a skin cannot be as light as type I. Other types: (0.006, 0.016)."""
ANCESTRY_PRIOR = {
    "I": (3.0, 0.25, 0.06),
    "II": (2.0, 0.8, 0.10),
    "III": (1.1, 1.1, 0.25),
    "IV": (0.7, 1.0, 0.7),
    "V": (0.30, 0.55, 1.6),
    "VI": (0.10, 0.12, 3.0),
}
"""Dirichlet parameters of the base mesh's three poles per skin type: broad, since no type belongs to one of them."""
LIGHT_EYES = (0.06, 0.16, 0.18, 0.17, 0.28, 0.15)
DARK_EYES = (0.55, 0.39, 0.06, 0.0, 0.0, 0.0)
LIGHT_HAIR = (0.06, 0.20, 0.22, 0.18, 0.21, 0.13, 0.0, 0.0)
DARK_HAIR = (0.62, 0.28, 0.08, 0.02, 0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Mole:
    """A small pigmented spot on the template: position and radius in decimetres, depth of colour in [0, 1]."""

    x: float
    y: float
    radius: float
    depth: float


@dataclass(frozen=True)
class Identity:
    """Traits drawn from one seed. ``melanin`` and ``blood`` are volume fractions; factors are 1 on average."""

    seed: int
    sex: str
    age_years: float
    ancestry: dict[str, float]
    """Shares of the base mesh's three poles; they sum to 1."""
    muscle: float
    weight: float
    """0 lightest to 1 heaviest."""
    skin_type: str
    typology_angle: float
    melanin: float
    blood: float
    eye_colour: str
    iris_radius: float
    """Relative to the eyeball's."""
    hair_colour: str
    hair_tone: float
    freckles: float
    moles: tuple[Mole, ...]
    flush: float
    lip_blood: float
    gloss: float
    wrinkles: float
    pattern_seed: int

    @property
    def age(self) -> str:
        """The age's word in ``description.FIELDS``."""
        bounds = ((18, "adolescent"), (35, "young adult"), (60, "middle-aged"))
        return next((word for bound, word in bounds if self.age_years < bound), "elderly")

    @property
    def hair_rgb(self) -> NDArray[np.float64]:
        return np.array(HAIR_COLOURS[self.hair_colour]) * self.hair_tone


def sample_identity(seed: int) -> Identity:
    """Draws a person. The skin type comes first and uniformly; all that depends on it follows."""
    random = np.random.default_rng([seed, 101])
    skin_type = SKIN_TYPES[int(random.integers(6))]
    sex = "female" if random.random() < 0.5 else "male"
    bracket = int(random.choice(3, p=[0.3, 0.45, 0.25]))
    age = float(random.uniform(*((14, 30), (25, 55), (50, 84))[bracket]))
    ancestry = random.dirichlet(ANCESTRY_PRIOR[skin_type])
    blood_range = BLOOD_RANGES.get(skin_type, (0.006, 0.016))
    blood = float(np.clip(np.exp(random.normal(np.log(0.0095), 0.20)), *blood_range))
    angle = float(random.uniform(*ITA_RANGES[skin_type]))
    fair = skin_type in ("I", "II", "III") and ancestry[0] > 0.4
    eye = str(random.choice(list(EYE_COLOURS), p=LIGHT_EYES if fair else DARK_EYES))
    hair = str(random.choice(list(HAIR_COLOURS), p=LIGHT_HAIR if fair else DARK_HAIR))
    if age > 48 and random.random() < (age - 40) / 45:
        hair = "grey" if age < 68 or random.random() < 0.5 else "white"
    moles = tuple(
        Mole(
            float(random.uniform(-0.6, 0.6)),
            float(random.uniform(6.2, 7.85)),
            float(random.uniform(0.006, 0.013)),
            float(random.uniform(0.3, 1)),
        )
        for _ in range(random.poisson(3))
    )
    return Identity(
        seed=seed,
        sex=sex,
        age_years=age,
        ancestry=dict(zip(ANCESTRIES, (float(share) for share in ancestry), strict=True)),
        muscle=float(random.uniform(0.3, 0.8)),
        weight=float(np.clip(random.normal(0.5, 0.24), 0.03, 0.98)),
        skin_type=skin_type,
        typology_angle=angle,
        melanin=melanin_for_angle(angle, blood),
        blood=blood,
        eye_colour=eye,
        iris_radius=float(random.uniform(0.44, 0.50)),
        hair_colour=hair,
        hair_tone=float(random.uniform(0.75, 1.3)),
        freckles=float(max(0.0, random.normal(-0.5, 1))) if fair else 0.0,
        moles=moles,
        flush=float(random.uniform(0.5, 1.3)),
        lip_blood=float(random.uniform(0.8, 1.4)),
        gloss=float(random.uniform(0.5, 1.5)),
        wrinkles=float(np.clip((age - 30) / 45, 0, 1) * random.uniform(0.6, 1.2)),
        pattern_seed=int(random.integers(1_000_000)),
    )


SPREAD = {
    "head": 0.30,
    "nose": 0.46,
    "mouth": 0.42,
    "eyes": 0.36,
    "chin": 0.46,
    "cheek": 0.50,
    "forehead": 0.48,
    "eyebrows": 0.42,
    "ears": 0.38,
    "neck": 0.2,
}
"""Standard deviation of a morph's weight, by part of the face; weights are clipped to [-1, 1]."""
OPPOSITES = (
    ("-decr", "-incr"),
    ("-down", "-up"),
    ("-in", "-out"),
    ("-backward", "-forward"),
    ("-compress", "-uncompress"),
    ("-concave", "-convex"),
)
HEAD_SHAPES = ("oval", "round", "square", "rectangular", "diamond", "triangular", "invertedtriangular")


def shape_coefficients(identity: Identity, head: Head) -> Array:
    """The identity's neutral face as weights of the head's morph targets, (targets,)."""
    random = np.random.default_rng([identity.seed, 102])
    weights: dict[str, float] = {}

    def add(name: str, weight: float) -> None:
        weights[name] = weights.get(name, 0.0) + weight

    male = float(random.uniform(0.8, 1.0) if identity.sex == "male" else random.uniform(0, 0.2))
    muscles = _thirds(identity.muscle, ("minmuscle", "averagemuscle", "maxmuscle"))
    masses = _thirds(identity.weight, ("minweight", "averageweight", "maxweight"))
    for sex, sex_share in (("male", male), ("female", 1 - male)):
        for age, age_share in _age_mix(identity.age_years).items():
            for ancestry, share in identity.ancestry.items():
                add(f"macro/{ancestry}-{sex}-{age}", sex_share * age_share * share)
            for muscle, muscle_share in muscles.items():
                for mass, mass_share in masses.items():
                    name = f"macro/universal-{sex}-{age}-{muscle}-{mass}"
                    add(name, sex_share * age_share * muscle_share * mass_share)

    one_side: dict[str, float] = {}
    for low, high in opposite_targets(head):
        part, name = low.split("/")
        spread = SPREAD[part] * (0.6 if "-trans" in name or "scale" in name else 1)
        if name[:2] in ("l-", "r-"):
            if name[2:] not in one_side:
                one_side[name[2:]] = random.normal(0, spread)
            weight = one_side[name[2:]] + random.normal(0, 0.04)
        else:
            weight = random.normal(0, spread)
        add(high if weight > 0 else low, float(min(abs(weight), 1.0)))
    add(f"head/head-{HEAD_SHAPES[int(random.integers(len(HEAD_SHAPES)))]}", float(random.uniform(0.1, 0.75)))
    for name in head.target_names:
        if name.startswith("asym/") and random.random() < 0.3:
            add(name, float(abs(random.normal(0, 0.12))))
    if identity.age_years > 45:
        add("head/head-age-incr", (identity.age_years - 45) / 40 * float(random.uniform(0.3, 0.9)))
    add("eyebrows/eyebrows-angle-up", 0.5)
    return head.coefficients(weights)


def opposite_targets(head: Head) -> list[tuple[str, str]]:
    """Pairs of targets that move the same thing both ways, in the head's order; age and position are left out."""
    pairs = []
    for low in head.target_names:
        part, name = low.split("/")[0], low.split("/")[-1]
        if part not in SPREAD or name.startswith(("head-trans", "neck-trans")) or "-age" in name:
            continue
        for ending, opposite in OPPOSITES:
            high = low.removesuffix(ending) + opposite
            if low.endswith(ending) and high in head.target_index:
                pairs.append((low, high))
    return pairs


def _thirds(value: float, names: tuple[str, str, str]) -> dict[str, float]:
    """Linear weights of minimum, average and maximum for a value in [0, 1]."""
    return dict(zip(names, (max(0.0, 1 - 2 * value), 1 - abs(2 * value - 1), max(0.0, 2 * value - 1)), strict=True))


def _age_mix(years: float) -> dict[str, float]:
    """The base mesh knows a child (11), a young adult (25) and an old person (90)."""
    if years >= 25:
        return {"young": 1 - (years - 25) / 65, "old": (years - 25) / 65}
    return {"child": (25 - years) / 14 * 0.8, "young": 1 - (25 - years) / 14 * 0.8}
