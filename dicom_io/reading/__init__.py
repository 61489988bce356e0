"""From a DICOM file to sRGB pixels, header and hints, within limits. Nothing enters that changes or writes a header."""

from dicom_io.reading.announced import announced_pixels
from dicom_io.reading.colour import Rgb
from dicom_io.reading.hints import SKIN_TYPES, Sex, SkinType
from dicom_io.reading.history import LossyHistory
from dicom_io.reading.known_profiles import srgb_profile
from dicom_io.reading.photograph import SourcePhotograph, read_photograph
from dicom_io.reading.pixels import Limits

__all__ = [
    "announced_pixels",
    "Rgb",
    "srgb_profile",
    "SKIN_TYPES",
    "Sex",
    "SkinType",
    "Limits",
    "LossyHistory",
    "SourcePhotograph",
    "read_photograph",
]
