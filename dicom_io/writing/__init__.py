"""The objects that leave: derived images and segmentations, with the codes and texts that are ours.

Nothing of a source enters but what the profile has passed.
"""

from dicom_io.writing.codes import (
    BASIC_PROFILE,
    CLEAN_PIXEL_DATA,
    CLEAN_RECOGNIZABLE_VISUAL_FEATURES,
    CONCEPTS,
    PRIVATE_SCHEME,
)
from dicom_io.writing.derived import (
    IMPLEMENTATION_CLASS_UID,
    IMPLEMENTATION_VERSION_NAME,
    ROLES,
    Algorithm,
    derived_image,
)
from dicom_io.writing.kinds import kinds_that_leave
from dicom_io.writing.own_words import own_texts
from dicom_io.writing.picture import wrapped
from dicom_io.writing.segmentation import segmentations
from dicom_io.writing.taken_over import CAMERA, OF_THE_SOURCE, TAKEN_OVER

__all__ = [
    "BASIC_PROFILE",
    "CLEAN_PIXEL_DATA",
    "CLEAN_RECOGNIZABLE_VISUAL_FEATURES",
    "CONCEPTS",
    "PRIVATE_SCHEME",
    "Algorithm",
    "CAMERA",
    "IMPLEMENTATION_CLASS_UID",
    "IMPLEMENTATION_VERSION_NAME",
    "OF_THE_SOURCE",
    "ROLES",
    "TAKEN_OVER",
    "derived_image",
    "kinds_that_leave",
    "own_texts",
    "segmentations",
    "wrapped",
]
