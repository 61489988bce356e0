"""Colour: sRGB out, whatever came in. A profile is judged by what it does to colours, never by what it is called.

A photograph can say in five places what its RGB means: ICC Profile in its header, in the item of its optical path, in
the compressed frame, the attribute Color Space, and the EXIF block of cameras. Profiles go before names. Two profiles
that mean different colours, and one that is damaged, leave the colours open: the photograph is held.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms
from pydicom import Dataset

from dicom_io.errors import UnsupportedObject
from dicom_io.reading.codestream import Codestream
from dicom_io.reading.header_values import text, values
from dicom_io.reading.known_profiles import ADOBE_RGB, NAMED, profile_of, srgb_profile

Rgb = NDArray[np.uint8]

SAME = 2
"""Levels that two profiles may differ by and still mean the same colours: makers round curves and colorants."""

COLOUR_CLASSES = frozenset({b"scnr", b"mntr", b"prtr", b"spac"})
"""Device classes (ICC.1 7.2.5) whose profiles describe colours; links, abstract and named ones do not."""


@dataclass(frozen=True)
class Profile:
    """A profile that can be read. ``grey``: of one component, else of RGB."""

    where: str
    data: bytes
    grey: bool


def to_srgb(rgb: Rgb, dataset: Dataset, stream: Codestream | None, *, grey: bool = False) -> Rgb:
    """``rgb`` (height, width, 3) in sRGB, by what ``dataset`` and ``stream`` say of its colours.

    ``grey``: whether the photograph is grey, so that a profile for grey applies. Without any profile it is sRGB
    already, as PS3.3 C.11.15 has it assumed for photographs. Raises UnsupportedObject where the colours can't be told.
    """
    usable = [profile for profile in _profiles(dataset, stream) if grey or not profile.grey]
    if not usable:
        named = _named(dataset, stream)
        return rgb if named is None else _convert(rgb, Profile("Color Space", named, grey=False))
    meanings = [_convert(PROBE, profile).astype(np.int16) for profile in usable]
    for profile, meaning in zip(usable[1:], meanings[1:], strict=True):
        if np.abs(meaning - meanings[0]).max() > SAME + 1:
            raise UnsupportedObject(
                f"the ICC profiles of {usable[0].where} and of {profile.where} mean different colours;"
                " send the photograph with the one that is right"
            )
    if np.abs(meanings[0] - PROBE).max() <= SAME:
        return rgb
    return _convert(rgb, usable[0])


def _probe() -> Rgb:
    """Colours that a profile is judged by: greys, and a grid over the cube; (1, n, 3)."""
    greys = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
    steps = np.arange(0, 256, 51, dtype=np.uint8)
    grid = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 3)
    return np.concatenate([greys, grid])[None]


PROBE = _probe()


def _profiles(dataset: Dataset, stream: Codestream | None) -> Iterator[Profile]:
    """Every profile there is. Raises UnsupportedObject for one that is damaged."""
    for where, data in _stored(dataset, stream):
        kind, space = data[12:16], data[16:20]
        if data[36:40] != b"acsp" or kind not in COLOUR_CLASSES or space not in (b"RGB ", b"GRAY"):
            continue  # no profile, or one of other colours than these: it says nothing of them
        profile = Profile(where, data, grey=space == b"GRAY")
        if int.from_bytes(data[:4], "big") > len(data) or not _opens(profile):
            raise _damaged(where)
        yield profile
    if stream is not None and stream.profile_incomplete:
        raise _damaged("the compressed frame")


def _stored(dataset: Dataset, stream: Codestream | None) -> Iterator[tuple[str, bytes]]:
    paths = [item for item in values(dataset, "OpticalPathSequence") if isinstance(item, Dataset)]
    stored = [("the header", dataset), *(("the optical path", path) for path in paths)]
    for where, place in stored:
        for value in values(place, "ICCProfile"):
            if isinstance(value, bytes):
                yield where, value
    if stream is not None and stream.profile:
        yield "the compressed frame", stream.profile


def _damaged(where: str) -> UnsupportedObject:
    return UnsupportedObject(
        f"the ICC profile of {where} is damaged, so that the colours can't be told; send it whole or leave it out"
    )


def _opens(profile: Profile) -> bool:
    try:
        return bool(_convert(PROBE, profile).size)
    except UnsupportedObject:
        return False


def _convert(rgb: Rgb, profile: Profile) -> Rgb:
    """``rgb`` from ``profile`` to sRGB, relative colorimetric with black point compensation."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile.data))
        target = ImageCms.ImageCmsProfile(io.BytesIO(srgb_profile()))
        image = Image.fromarray(np.ascontiguousarray(rgb[..., 0]) if profile.grey else rgb)
        converted = ImageCms.profileToProfile(
            image,
            source,
            target,
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, OSError, ValueError) as error:
        raise _damaged(profile.where) from error
    if converted is None:
        raise _damaged(profile.where)
    return np.asarray(converted, dtype=np.uint8).copy()


def _named(dataset: Dataset, stream: Codestream | None) -> bytes | None:
    """The profile of the colour space that is called by name; None for sRGB and where nothing is said."""
    name = re.sub(r"[^A-Z0-9]", "", text(dataset, "ColorSpace").upper())
    if name and name not in NAMED:
        raise UnsupportedObject(
            "Color Space is none of SRGB, ADOBERGB and ROMMRGB; correct it, or send the photograph with its ICC profile"
        )
    space = NAMED.get(name)
    if space is None and not name and stream is not None and stream.exif_adobe_rgb:
        space = ADOBE_RGB
    return None if space is None else profile_of(space)
