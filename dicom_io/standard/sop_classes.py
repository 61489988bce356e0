"""What is accepted from others, as tables: anything that is not listed is refused at negotiation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    DermoscopicPhotographyImageStorage,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    JPEGLSNearLossless,
    MultiFrameTrueColorSecondaryCaptureImageStorage,
    RLELossless,
    SecondaryCaptureImageStorage,
    VLPhotographicImageStorage,
)

Codec = Literal["none", "jpeg", "jpeg-ls", "jpeg-2000", "rle"]


@dataclass(frozen=True)
class PhotographClass:
    """A storage SOP class whose instances are taken for photographs.

    ``modality``: the one that goes with the class (PS3.3 A.32), or for Secondary Capture, which takes any, the one that
    a derived instance has when its source is silent.
    ``dermoscopy`` and ``secondary_capture``: which modules a derived instance needs besides those that all have.
    ``derived_uid``: the class of a derived instance where it is not the same: of several frames in one object we take
    the single one, and that is a plain Secondary Capture.
    """

    uid: UID
    modality: str
    dermoscopy: bool = False
    secondary_capture: bool = False
    derived_uid: UID | None = None


@dataclass(frozen=True)
class TransferSyntax:
    """``lossy_method``: the Defined Term for Lossy Image Compression Method (PS3.3 C.7.6.1.1.5), None when lossless."""

    uid: UID
    codec: Codec
    lossy_method: str | None = None


PHOTOGRAPH_CLASSES: dict[UID, PhotographClass] = {
    row.uid: row
    for row in (
        PhotographClass(VLPhotographicImageStorage, "XC"),
        PhotographClass(DermoscopicPhotographyImageStorage, "DMS", dermoscopy=True),
        PhotographClass(SecondaryCaptureImageStorage, "OT", secondary_capture=True),
        PhotographClass(
            MultiFrameTrueColorSecondaryCaptureImageStorage,
            "OT",
            secondary_capture=True,
            derived_uid=SecondaryCaptureImageStorage,
        ),
    )
}

TRANSFER_SYNTAXES: dict[UID, TransferSyntax] = {
    row.uid: row
    for row in (
        TransferSyntax(ExplicitVRLittleEndian, "none"),
        TransferSyntax(ImplicitVRLittleEndian, "none"),
        TransferSyntax(JPEGBaseline8Bit, "jpeg", "ISO_10918_1"),
        TransferSyntax(JPEGLSLossless, "jpeg-ls"),
        TransferSyntax(JPEGLSNearLossless, "jpeg-ls", "ISO_14495_1"),
        TransferSyntax(JPEG2000Lossless, "jpeg-2000"),
        TransferSyntax(JPEG2000, "jpeg-2000", "ISO_15444_1"),
        TransferSyntax(HTJ2KLossless, "jpeg-2000"),
        TransferSyntax(HTJ2KLosslessRPCL, "jpeg-2000"),
        TransferSyntax(HTJ2K, "jpeg-2000", "ISO_15444_15"),
        TransferSyntax(RLELossless, "rle"),
    )
}
