"""What a frame's three samples mean, RGB or YCbCr, from everything that speaks for one or the other.

No single sign can be trusted: cameras, converters and archives relabel headers, strip markers and write markers by
rote. So each sign has a weight, here, in one table, and what the signs say is added up. First the samples themselves
are asked: YCbCr covers more than RGB can show, so that RGB samples taken for YCbCr leave the RGB cube in most
photographs, which true YCbCr samples never do. Then the code stream, then the header.

Where the signs contradict each other too evenly nothing is decided and the photograph is held: a patient in false
colours is worse than a patient who waits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dicom_io.errors import UnsupportedObject
from dicom_io.reading.codestream import Codestream
from dicom_io.reading.labels import Label

Model = Literal["RGB", "YCbCr"]

RGB_IDENTIFIERS = frozenset({(0x52, 0x47, 0x42), (0x72, 0x67, 0x62)})
"""Component identifiers "RGB" and "rgb", by which libjpeg and Java's encoder mark RGB; those of JFIF are 1, 2, 3."""


@dataclass(frozen=True)
class Evidence:
    """All that is known of three samples a pixel. ``stream``: None for uncompressed and RLE; ``label``: None where
    Photometric Interpretation says nothing that is known; ``luma_and_chroma``: how the samples vary."""

    stream: Codestream | None
    label: Label | None
    luma_and_chroma: bool


@dataclass(frozen=True)
class Sign:
    """``seen``: whether it is there. ``weight``: how much it then counts for ``model``."""

    name: str
    model: Model
    weight: int
    seen: Callable[[Evidence], bool]
    why: str


def _of_stream(seen: Callable[[Codestream], bool]) -> Callable[[Evidence], bool]:
    return lambda evidence: evidence.stream is not None and seen(evidence.stream)


def _of_label(model: Model) -> Callable[[Evidence], bool]:
    return lambda evidence: evidence.label is not None and evidence.label.model == model


SIGNS: tuple[Sign, ...] = (
    Sign(
        "component identifiers R, G, B", "RGB", 10,
        _of_stream(lambda stream: stream.identifiers in RGB_IDENTIFIERS),
        "nobody writes them but to say so",
    ),
    Sign(
        "the codec's colour transform", "RGB", 10,
        _of_stream(lambda stream: stream.colour_transform),
        "it is defined from and to RGB (ITU-T T.800 annex G); decoding has undone it",
    ),
    Sign(
        "Adobe transform 1", "YCbCr", 9,
        _of_stream(lambda stream: stream.adobe_transform == 1),
        "Adobe technical note 5116: YCbCr",
    ),
    Sign(
        "a SPIFF header or colour box of YCbCr", "YCbCr", 9,
        _of_stream(lambda stream: stream.declared == "YCbCr"),
        "ITU-T T.84, T.800 I.5.3.3",
    ),
    Sign(
        "chroma with fewer samples", "YCbCr", 5,
        _of_stream(lambda stream: stream.subsampled),
        "no encoder halves green and blue on purpose",
    ),
    Sign(
        "chroma with a quantisation table of its own", "YCbCr", 5,
        _of_stream(lambda stream: stream.luma_tables),
        "the same: green and blue are quantised as red is",
    ),
    Sign(
        "a JFIF marker", "YCbCr", 5,
        _of_stream(lambda stream: stream.jfif),
        "ITU-T T.871: YCbCr; some encoders write it by rote",
    ),
    Sign(
        "samples that vary as luma and chroma do", "YCbCr", 4,
        lambda evidence: evidence.luma_and_chroma,
        "measured: see LESS_VARIED",
    ),
    Sign(
        "Adobe transform 2 with three components", "YCbCr", 3,
        _of_stream(lambda stream: stream.adobe_transform == 2),
        "YCCK needs four, but whoever wrote it meant luma and chroma",
    ),
    Sign(
        "Adobe transform 0", "RGB", 2,
        _of_stream(lambda stream: stream.adobe_transform == 0),
        "Adobe technical note 5116: RGB, or unknown",
    ),
    Sign(
        "a SPIFF header or colour box of RGB", "RGB", 2,
        _of_stream(lambda stream: stream.declared == "RGB"),
        "the same; libraries write sRGB by rote",
    ),
    Sign("Photometric Interpretation", "RGB", 2, _of_label("RGB"), "PS3.3 C.7.6.3.1.2; often left as it was"),
    Sign("Photometric Interpretation", "YCbCr", 2, _of_label("YCbCr"), "PS3.3 C.7.6.3.1.2; often left as it was"),
)  # fmt: skip
"""The weights are set so that the code stream outvotes the label, and that what is said on purpose outvotes habits."""

MARGIN = 3
"""By how much one side must outweigh the other where both have signs: an even quarrel decides nothing."""

OUTSIDE = 32.0
"""Levels beyond 0 to 255 from which a converted sample is outside the RGB cube, and not by rounding or quantisation."""

MOST_OUTSIDE = 0.01
"""Share of the pixels of true YCbCr that may be outside. Measured on block means of 1,191 photographs of skin and
people: true YCbCr has none at JPEG quality 20 and above and 0.0015 at quality 5; of RGB, 92 % have more."""

LESS_VARIED = 0.5
"""Share of the first sample's deviation below which the others' is that of chroma. True of 95 % of 1,191 photographs of
skin and people in YCbCr, and in RGB of none."""

LEAST_VARIED = 3.0
"""Levels of deviation of the first sample below which the picture is too even to tell."""


def colour_model(samples: NDArray[np.uint8], stream: Codestream | None, label: Label | None) -> Model:
    """Which model ``samples`` (height, width, 3), as decoded without any conversion, are of.

    ``stream`` and ``label`` as in ``Evidence``. Raises UnsupportedObject where it can't be decided.
    """
    # Means over blocks of 8 x 8 pixels, so that edges and a codec's ringing do not count.
    means = np.asarray(Image.fromarray(samples).reduce(8), dtype=np.float32)
    evidence = Evidence(stream, label, _varies_as_chroma(means))
    told = [sign for sign in SIGNS if sign.seen(evidence)]
    if all(sign.seen(Evidence(None, None, evidence.luma_and_chroma)) for sign in told):
        raise UnsupportedObject(
            "neither the frame nor Photometric Interpretation says whether the colours are RGB or YCbCr;"
            " correct Photometric Interpretation"
        )
    rgb, ycbcr = ([sign for sign in told if sign.model == model] for model in ("RGB", "YCbCr"))
    if _leaves_the_cube(means):
        if rgb:
            return "RGB"
        raise UnsupportedObject(
            "marked as YCbCr, but the values are no YCbCr colours; correct Photometric Interpretation"
        )
    lead = sum(sign.weight for sign in rgb) - sum(sign.weight for sign in ycbcr)
    if rgb and ycbcr and abs(lead) < MARGIN:
        raise UnsupportedObject(
            f"it can't be told whether the colours are RGB ({_names(rgb)}) or YCbCr ({_names(ycbcr)});"
            " correct Photometric Interpretation or the frame's markers"
        )
    return "RGB" if lead > 0 else "YCbCr"


def _leaves_the_cube(means: NDArray[np.float32]) -> bool:
    """Whether too many of the block means would leave the RGB cube when converted from YCbCr."""
    luma, blue, red = means[..., 0], means[..., 1] - 128.0, means[..., 2] - 128.0
    converted = np.stack([luma + 1.402 * red, luma - 0.344136 * blue - 0.714136 * red, luma + 1.772 * blue])
    outside = (converted.min(axis=0) < -OUTSIDE) | (converted.max(axis=0) > 255.0 + OUTSIDE)
    return float(outside.mean()) > MOST_OUTSIDE


def _varies_as_chroma(means: NDArray[np.float32]) -> bool:
    first, second, third = means.reshape(-1, 3).std(axis=0)
    return bool(first >= LEAST_VARIED and max(second, third) < LESS_VARIED * first)


def _names(signs: list[Sign]) -> str:
    return ", ".join(sign.name for sign in signs)
