"""In which transfer syntaxes an object may travel, and how it is brought into one without losing anything.

The pixels and the header stay what they are, and with them the SOP Instance UID: PS3.4 B.2.3 asks for a new one only
where a compression loses something. The file on disk is never touched.
"""

from __future__ import annotations

from pathlib import Path

import pydicom
from pydicom import Dataset
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
)

from dicom_io.quiet import quiet

DECODER = "pillow"
"""Deliveries run beside other steps, and the decoder that we read sources with must not be entered twice at a time."""

UNCOMPRESSED = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)

ALSO_TRAVELS_AS: dict[UID, tuple[UID, ...]] = {
    JPEG2000Lossless: UNCOMPRESSED,
    JPEGBaseline8Bit: UNCOMPRESSED,
    ExplicitVRLittleEndian: (ImplicitVRLittleEndian,),
    ImplicitVRLittleEndian: (ExplicitVRLittleEndian,),
}
"""By the transfer syntax of the file: those that it can be brought into, the better first. Others go as they are."""


def may_travel_as(transfer_syntax: UID) -> tuple[UID, ...]:
    """The transfer syntaxes for an object that is stored in ``transfer_syntax``, its own first."""
    return transfer_syntax, *ALSO_TRAVELS_AS.get(transfer_syntax, ())


def read_as(path: Path, transfer_syntax: UID) -> Dataset:
    """The object in ``path``, ready to be encoded in ``transfer_syntax``, which is one of ``may_travel_as``.

    Raises whatever pydicom raises where the file or its pixels cannot be read.
    """
    with quiet():
        dataset = pydicom.dcmread(path)
        own = UID(dataset.file_meta.TransferSyntaxUID)
        if own.is_compressed and not transfer_syntax.is_compressed:
            # As colours, not as stored: what leaves uncompressed is RGB and says so (PS3.3 C.7.6.3.1.2).
            dataset.decompress(as_rgb=True, generate_instance_uid=False, decoding_plugin=DECODER)
    return dataset
