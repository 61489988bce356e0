"""What a compressed frame says of itself, read before anything is decoded.

A header can say 64 x 64 above a frame that unpacks to a gigabyte, or RGB above one that is YCbCr; decoders believe the
frame. ``dicom_io.reading.jpeg_stream`` and ``dicom_io.reading.jpeg_2000_stream`` read the two families.
"""

from __future__ import annotations

from dataclasses import dataclass

MOST_MARKERS = 100_000
"""Markers, tile parts, boxes and fragments of one picture. Encoders write some dozens; more is made to take time."""


@dataclass(frozen=True)
class Codestream:
    """One compressed picture as it describes itself.

    ``components``: number of components; ``precision``: bits of a sample; ``end``: offset of the first byte behind the
    picture, None where its end is missing. ``process``: what a decoder must know, in the standard's words.
    """

    rows: int
    columns: int
    components: int
    precision: int
    end: int | None
    process: str
    signed: bool = False
    scans: int = 1
    identifiers: tuple[int, ...] = ()
    """Component identifiers (ITU-T T.81 B.2.2); none in JPEG 2000."""
    subsampled: bool = False
    """Whether the second and third component have fewer samples than the first."""
    luma_tables: bool = False
    """Whether the second and third component are coded by other tables than the first, as chroma is."""
    jfif: bool = False
    adobe_transform: int | None = None
    """The colour transform of an Adobe APP14 segment: 0 none or unknown, 1 YCbCr, 2 YCCK."""
    colour_transform: bool = False
    """Whether decoding undoes a colour transform of the codec: JPEG 2000's (A.6.1), or one of JPEG-LS encoders."""
    declared: str = ""
    """"RGB", "YCbCr" or "grey" where a SPIFF header or a colour box of a JP2 file says so."""
    profile: bytes | None = None
    """The ICC profile that the stream carries."""
    profile_incomplete: bool = False
    """Whether a chunk of that profile is missing."""
    exif_adobe_rgb: bool = False
    """Whether its EXIF block says Adobe RGB, as cameras of the DCF do (CIPA DC-009)."""
    pictures_announced: int = 1
    """How many pictures its multi-picture index (CIPA DC-007) counts, itself included."""
    announced_at: tuple[int, ...] = ()
    """Where that index says that the other pictures start: offsets from the start of the stream."""
    companion_pictures: tuple[str, ...] = ()
    """The kinds of pictures that the stream says are appended to it on purpose."""
