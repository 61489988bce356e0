"""Colour of skin from melanin and blood, and the colour spaces that go with it.

Sources of the constants:

* Haemoglobin: molar extinction of oxy- and deoxyhaemoglobin, Prahl's compilation of Gratzer's and Kollias' data
  (Oregon Medical Laser Center, omlc.org/spectra/hemoglobin/summary.html), every 10 nm from 400 to 700 nm; compared
  value by value with two independent copies of that table.
* Colour matching functions: the multi-lobe fit of Wyman, Sloan & Shirley, "Simple Analytic Approximations to the CIE
  XYZ Color Matching Functions", JCGT 2(2), 2013; compared with independent implementations of the paper's listing.
* Melanin 6.6e11 nm^-3.33 /cm, blood-free skin 7.84e8 nm^-3.255 /cm and reduced scattering 46 (nm/500)^-1.421 /cm after
  Jacques (skin optics summary, OMLC 1998; Phys. Med. Biol. 58, R37, 2013). These three are quoted from memory of the
  papers and were *not* compared with them. On purpose, the melanin slope is flattened (``MELANIN_EXPONENT``): with
  -3.33 this one-layer model makes dark skin too saturated.
* Individual typology angle and its classes: Chardon, Cretois & Hourseau, Int. J. Cosmet. Sci. 13, 1991; its use as a
  proxy of the Fitzpatrick scale follows Del Bino & Bernerd, Br. J. Dermatol. 169(s3), 2013. Quoted, not compared.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float32]
Array64 = NDArray[np.float64]

WAVELENGTHS: Array64 = np.arange(400, 701, 10.0)
"""Nanometres."""

# fmt: off
OXYHAEMOGLOBIN: Array64 = np.array([
    266232, 466840, 480360, 246072, 102580, 62816, 44480, 33209.2, 26629.2, 23684.4, 20932.8, 20035.2, 24202.4, 39956.8,
    53236, 43016, 32613.2, 44496, 50104, 14400.8, 3200, 1506, 942, 610, 442, 368, 319.6, 294, 277.6, 276, 290])
DEOXYHAEMOGLOBIN: Array64 = np.array([
    223296, 303956, 407560, 528600, 413280, 103292, 23388.8, 16156.4, 14550, 16684, 20862, 25773.6, 31589.6, 39036.4,
    46592, 53412, 53788, 45072, 37020, 28324.4, 14677.2, 9443.6, 6509.6, 5148.8, 4345.2, 3750.12, 3226.56, 2795.12,
    2407.92, 2051.96, 1794.28])
# fmt: on
"""Molar extinction, 1/(cm mol/l), at ``WAVELENGTHS``."""

MELANIN_EXPONENT = 2.0
OXYGENATION = 0.75
EPIDERMIS_CM = 0.006
"""Thickness; light passes it twice, obliquely (``PATH_FACTOR``)."""
PATH_FACTOR = 2.2
SURFACE_REFLECTANCE = 0.016

MELANIN_RANGE = (0.003, 0.8)
"""Volume fraction of melanosomes in the epidermis that the table spans."""
BLOOD_RANGE = (0.002, 0.25)
"""Volume fraction of blood in the dermis that the table spans."""
TABLE_SIDE = 96

WHITE_D65: Array64 = np.array([0.9505, 1.0, 1.089])
XYZ_TO_SRGB: Array64 = np.array([[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]])
SRGB_TO_XYZ: Array64 = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
"""IEC 61966-2-1."""

SKIN_TYPES = ("I", "II", "III", "IV", "V", "VI")
ITA_BOUNDS = (55.0, 41.0, 28.0, 10.0, -30.0)
"""Degrees; above the first is type I (very light), below the last type VI (dark)."""


def colour_matching(nanometres: Array64) -> Array64:
    """CIE 1931 2 degree x, y, z, shape (3, wavelengths): Wyman, Sloan & Shirley 2013, multi-lobe fit."""

    def lobe(height: float, centre: float, below: float, above: float) -> Array64:
        scaled = (nanometres - centre) * np.where(nanometres < centre, below, above)
        return np.asarray(height * np.exp(-0.5 * scaled**2))

    x = lobe(0.362, 442.0, 0.0624, 0.0374) + lobe(1.056, 599.8, 0.0264, 0.0323) + lobe(-0.065, 501.1, 0.0490, 0.0382)
    y = lobe(0.821, 568.8, 0.0213, 0.0247) + lobe(0.286, 530.9, 0.0613, 0.0322)
    z = lobe(1.217, 437.0, 0.0845, 0.0278) + lobe(0.681, 459.0, 0.0385, 0.0725)
    return np.stack([x, y, z])


def skin_reflectance(melanin: Array64, blood: Array64) -> Array64:
    """Diffuse reflectance, shape (len(melanin), len(blood), wavelengths): a filter over a scattering half space.

    The half space follows the diffusion approximation for plane light (index step of skin against air).
    """
    extinction = OXYGENATION * OXYHAEMOGLOBIN + (1 - OXYGENATION) * DEOXYHAEMOGLOBIN
    blood_absorption = 2.303 * 150 / 64500 * extinction  # 1/cm at 150 g/l and 64,500 g/mol
    melanin_absorption = 6.6e11 * 550.0**-3.33 * (WAVELENGTHS / 550) ** -MELANIN_EXPONENT
    baseline = 7.84e8 * WAVELENGTHS**-3.255
    scattering = 46 * (WAVELENGTHS / 500) ** -1.421

    b = blood[:, None]
    absorption = b * blood_absorption + (1 - b) * baseline * 0.18 + 0.02
    albedo = scattering / (absorption + scattering)
    root = np.sqrt(3 * (1 - albedo))
    dermis = albedo / 2 * (1 + np.exp(-4 / 3 * 2.95 * root)) * np.exp(-root)
    m = melanin[:, None]
    filtered = np.exp(-(m * melanin_absorption + baseline * (1 - m) * 0.3) * EPIDERMIS_CM * PATH_FACTOR)
    return np.asarray(filtered[:, None] * dermis[None] * 0.96 + SURFACE_REFLECTANCE)


def skin_colour(melanin: Array64, blood: Array64) -> Array64:
    """Linear sRGB under D65, shape (len(melanin), len(blood), 3)."""
    planck = WAVELENGTHS**-5 / (np.exp(1.4388e7 / WAVELENGTHS / 6504) - 1)
    observer = colour_matching(WAVELENGTHS) * planck
    xyz = skin_reflectance(melanin, blood) @ observer.T / observer.sum(1) * WHITE_D65
    return np.asarray(np.maximum(xyz @ XYZ_TO_SRGB.T, 0.001))


@cache
def skin_table() -> Array:
    """Skin colour over a grid logarithmic in melanin (rows) and blood (columns), float32 (96, 96, 3)."""
    return np.ascontiguousarray(skin_colour(melanin_axis(), np.geomspace(*BLOOD_RANGE, TABLE_SIDE)), np.float32)


def melanin_axis() -> Array64:
    return np.geomspace(*MELANIN_RANGE, TABLE_SIDE)


def one_skin_colour(melanin: float, blood: float) -> Array64:
    """Linear sRGB of one skin, shape (3,)."""
    return np.asarray(skin_colour(np.array([melanin]), np.array([blood]))[0, 0])


def linear_from_srgb(encoded: ArrayLike) -> Array64:
    c = np.asarray(encoded, np.float64)
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def lab_from_linear(rgb: ArrayLike) -> Array64:
    """CIELAB (D65) from linear sRGB, shape (..., 3)."""
    relative = np.asarray(rgb, np.float64) @ SRGB_TO_XYZ.T / WHITE_D65
    f = np.where(relative > 0.008856, np.cbrt(np.maximum(relative, 1e-9)), 7.787 * relative + 16 / 116)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], -1)


def typology_angle(melanin: float, blood: float) -> float:
    """Individual typology angle of a skin, degrees."""
    lightness, _, yellow = lab_from_linear(one_skin_colour(melanin, blood))
    return math.degrees(math.atan2(lightness - 50, yellow))


def skin_type(angle: float) -> str:
    """Fitzpatrick type that goes with an individual typology angle in degrees."""
    return SKIN_TYPES[sum(angle <= bound for bound in ITA_BOUNDS)]


def melanin_for_angle(angle: float, blood: float) -> float:
    """The melanin fraction that gives a skin of this blood fraction the wanted typology angle, within the table."""
    lab = lab_from_linear(skin_colour(melanin_axis(), np.array([blood]))[:, 0])
    angles = np.degrees(np.arctan2(lab[:, 0] - 50, lab[:, 2]))
    return float(np.interp(-angle, -angles, melanin_axis()))


def delta_e(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> Array64:
    """CIE76 colour difference of two sRGB images, same shape without the channel axis."""
    a, b = (lab_from_linear(linear_from_srgb(image / 255.0)) for image in (first, second))
    return np.asarray(np.sqrt(((a - b) ** 2).sum(-1)))
