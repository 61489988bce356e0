"""ICC profiles of ours: the one that is written into what leaves, and those that a header can call by name alone."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from PIL import ImageCms


@cache
def srgb_profile() -> bytes:
    """An sRGB ICC profile of ours, with the same bytes on every machine and every day.

    The library writes the time of making into the header (ICC.1 7.2.8); a fixed one is put in its place.
    """
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[24:36] = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)
    profile[84:100] = bytes(16)  # the optional profile identifier, a digest that covers the rest
    return bytes(profile)


@dataclass(frozen=True)
class ColourSpace:
    """A matrix profile: XYZ of red, green and blue under D50, and the parameters of its curve (ICC.1 10.18, type 3):
    gamma, then a, b, c, d of Y = (aX + b) ** gamma from d on and cX below."""

    colorants: tuple[tuple[float, float, float], ...]
    curve: tuple[float, float, float, float, float]


SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)

ADOBE_RGB = ColourSpace(
    ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457)),
    (563 / 256, 1.0, 0.0, 0.0, 0.0),
)
"""Adobe RGB (1998) Color Image Encoding, annex A."""

ROMM_RGB = ColourSpace(
    ((0.79767, 0.28804, 0.0), (0.13519, 0.71187, 0.0), (0.03135, 0.00009, 0.82491)),
    (1.8, 1.0, 0.0, 1 / 16, 0.031248),
)
"""ISO 22028-2."""

DISPLAY_P3 = ColourSpace(
    ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407)), SRGB_CURVE
)
"""The colorants of SMPTE RP 431-2 adapted to D50, with the curve of sRGB."""

NAMED: Mapping[str, ColourSpace | None] = {
    "SRGB": None,
    "SRGBIEC6196621": None,
    "ADOBERGB": ADOBE_RGB,
    "ROMMRGB": ROMM_RGB,
    "DISPLAYP3": DISPLAY_P3,
}
"""Values of Color Space (PS3.3 C.11.15.1.2), and what senders write instead; None is sRGB."""


@cache
def profile_of(space: ColourSpace) -> bytes:
    """``space`` as an ICC profile of version 4."""
    curve = b"para" + bytes(4) + struct.pack(">HH", 3, 0) + b"".join(map(_fixed, space.curve))
    values = {b"wtpt": _xyz((0.9642, 1.0, 0.8249)), b"rTRC": curve, b"gTRC": curve, b"bTRC": curve}
    values |= {name: _xyz(xyz) for name, xyz in zip((b"rXYZ", b"gXYZ", b"bXYZ"), space.colorants, strict=True)}
    table, body, at = struct.pack(">I", len(values)), b"", 128 + 4 + 12 * len(values)
    for name, value in values.items():
        table += struct.pack(">4sII", name, at + len(body), len(value))
        body += value + bytes(-len(value) % 4)
    head = bytearray(128)
    struct.pack_into(">I4xI4s4s4s", head, 0, at + len(body), 0x04300000, b"mntr", b"RGB ", b"XYZ ")
    head[36:40] = b"acsp"
    head[68:80] = b"".join(map(_fixed, (0.9642, 1.0, 0.8249)))
    return bytes(head) + table + body


def _xyz(values: tuple[float, float, float]) -> bytes:
    return b"XYZ " + bytes(4) + b"".join(map(_fixed, values))


def _fixed(value: float) -> bytes:
    """s15Fixed16Number (ICC.1 4.6)."""
    return struct.pack(">i", round(value * 65536))
