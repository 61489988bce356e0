"""Colour: sRGB in, sRGB out. The profile's bytes that leave are always ours, never a camera's."""

from __future__ import annotations

import io
import struct
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

Rgb = NDArray[np.uint8]


@cache
def srgb_profile() -> bytes:
    """An sRGB ICC profile of ours, with the same bytes on every machine and every day.

    The library writes the time of making into the header (ICC.1 7.2.8); a fixed one is put in its place.
    """
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[24:36] = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)
    profile[84:100] = bytes(16)  # the optional profile identifier, a digest that covers the rest
    return bytes(profile)


def to_srgb(rgb: Rgb, icc_profile: bytes | None) -> Rgb:
    """``rgb`` (height, width, 3) converted from ``icc_profile`` to sRGB. Without a usable profile, it is sRGB already.

    A profile that is damaged, or not one of an RGB input or display, is as good as none: PS3.3 C.11.15 has sRGB
    assumed for photographs, and refusing the photograph would help nobody.
    """
    if not icc_profile:
        return rgb
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(icc_profile))
        if source.profile.xcolor_space.strip() != "RGB" or "srgb" in (source.profile.profile_description or "").lower():
            return rgb
        target = ImageCms.ImageCmsProfile(io.BytesIO(srgb_profile()))
        converted = ImageCms.profileToProfile(Image.fromarray(rgb), source, target, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return rgb
    return rgb if converted is None else np.asarray(converted, dtype=np.uint8).copy()
