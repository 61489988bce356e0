"""What kinds of object leave: what a destination must take."""

from __future__ import annotations

from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    SegmentationStorage,
)

from dicom_io.standard import PHOTOGRAPH_CLASSES

SEGMENTATION_SYNTAX = ExplicitVRLittleEndian


def image_syntax(*, lossless: bool) -> UID:
    """The transfer syntax of the twins."""
    return JPEG2000Lossless if lossless else JPEGBaseline8Bit


def kinds_that_leave(*, lossless: bool) -> tuple[tuple[UID, UID], ...]:
    """SOP class and transfer syntax of every kind of object that is written here."""
    classes = dict.fromkeys(kind.derived_uid or kind.uid for kind in PHOTOGRAPH_CLASSES.values())
    images = ((sop_class, image_syntax(lossless=lossless)) for sop_class in classes)
    return (*images, (SegmentationStorage, SEGMENTATION_SYNTAX))
