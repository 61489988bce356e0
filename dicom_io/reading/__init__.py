"""From a DICOM file to sRGB pixels, header and hints, within limits. Nothing enters that changes or writes a header."""

from dicom_io.reading.colour import Rgb, srgb_profile
from dicom_io.reading.photograph import Limits, LossyHistory, SourcePhotograph, read_photograph

__all__ = [
    "Rgb",
    "srgb_profile",
    "Limits",
    "LossyHistory",
    "SourcePhotograph",
    "read_photograph",
]
