"""Photometric Interpretation as it is written and as it was meant."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from dicom_io.errors import UnsupportedObject

Kind = Literal["colour", "grey", "palette"]


@dataclass(frozen=True)
class Label:
    """A value of Photometric Interpretation (PS3.3 C.7.6.3.1.2).

    ``samples``: Samples per Pixel that goes with it. ``model``: what three samples are once a codec's own transform is
    undone. ``halved``: whether, uncompressed, two pixels share their chroma.
    """

    term: str
    kind: Kind
    samples: int
    model: Literal["RGB", "YCbCr", ""] = ""
    halved: bool = False


LABELS = {
    label.term: label
    for label in (
        Label("RGB", "colour", 3, "RGB"),
        Label("YBR_FULL", "colour", 3, "YCbCr"),
        Label("YBR_FULL_422", "colour", 3, "YCbCr", halved=True),
        Label("YBR_ICT", "colour", 3, "RGB"),
        Label("YBR_RCT", "colour", 3, "RGB"),
        Label("PALETTE COLOR", "palette", 1),
        Label("MONOCHROME1", "grey", 1),
        Label("MONOCHROME2", "grey", 1),
    )
}

SPELLINGS = {
    "YBRFULL422": "YBR_FULL_422",
    "YBRFULL": "YBR_FULL",
    "YBRICT": "YBR_ICT",
    "YBRRCT": "YBR_RCT",
    "PALETTECOLOR": "PALETTE COLOR",
    "PALETTECOLOUR": "PALETTE COLOR",
    "MONOCHROME1": "MONOCHROME1",
    "MONOCHROME2": "MONOCHROME2",
    "RGB": "RGB",
}
"""Letters and digits alone of what is written, and the term that it stands for."""

NOT_TAKEN = frozenset({"HSV", "ARGB", "CMYK", "YBRPARTIAL422", "YBRPARTIAL420", "XYB"})
"""Terms, past and present, that mean something which is not taken for a photograph."""


def label_of(value: object) -> Label | None:
    """The label that ``value`` stands for, None where it stands for none: an unknown word says nothing.

    Raises UnsupportedObject for a term that is known and not taken.
    """
    plain = re.sub(r"[^A-Z0-9]", "", str(value or "").upper())
    if plain in NOT_TAKEN:
        raise UnsupportedObject(f"Photometric Interpretation is {plain}; send the photograph as RGB")
    return LABELS.get(SPELLINGS.get(plain, ""))
