"""The disease as DICOM Segmentation objects (PS3.3 A.51), BINARY and FRACTIONAL, on the sick twin.

They are written so that viewers show them, which asks for more than the standard does:

    each in a series of its own           OHIF opens the last instance of a series of segmentations and no other
    BINARY apart from FRACTIONAL          Cornerstone3D, and OHIF with it, refuses whatever is fractional
    Recommended Display CIELab Value      OHIF has none of its own for a segment that lacks it
    Plane Orientation                     Cornerstone3D reads it of every frame, also where nothing is oriented
    Referenced Series, Derivation Image   how OHIF and Weasis find the image; Spatial Locations Preserved must be YES

"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import highdicom as hd
import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from dicom_io.errors import InvalidObject
from dicom_io.quiet import quiet
from dicom_io.writing import codes
from dicom_io.writing.derived import (
    IMPLEMENTATION_CLASS_UID,
    IMPLEMENTATION_VERSION_NAME,
    LONG_STRING,
    MANUFACTURER,
    Algorithm,
    DerivedUids,
)
from dicom_io.writing.kinds import SEGMENTATION_SYNTAX

LesionClass = Literal["erythema", "pigmented", "depigmented", "none"]

PROPERTY_TYPES: dict[LesionClass, codes.Concept] = {
    "erythema": codes.ERYTHEMA,
    "pigmented": codes.HYPERPIGMENTATION,
    "depigmented": codes.HYPOPIGMENTATION,
    "none": codes.SKIN_LESION,
}
"""Segmented Property Type. "none": nothing was found; the segment is empty and says only what was looked for."""

TRACKING_ID = "lesion-1"
CONTENT_LABEL = "LESION"
CONTENT_DESCRIPTION = "Difference between the twins"

SegmentationType = Literal["BINARY", "FRACTIONAL"]


@dataclass(frozen=True)
class SeriesOfSegmentation:
    """What tells one kind of series from the other. Their numbers come after those of the twins."""

    number: int
    description: str


SERIES: dict[SegmentationType, SeriesOfSegmentation] = {
    "BINARY": SeriesOfSegmentation(903, "Disease, by subtraction of the twins"),
    "FRACTIONAL": SeriesOfSegmentation(904, "Probability of disease, by subtraction of the twins"),
}

COLOURS: dict[LesionClass, tuple[int, int, int]] = {
    "erythema": (0, 200, 120),
    "pigmented": (235, 60, 235),
    "depigmented": (40, 110, 255),
    "none": (0, 190, 220),
}
"""sRGB in which a viewer is asked to draw the segment: colours that no skin has, and each far from its own lesion."""

ROWS_ALONG_ROWS = [1, 0, 0, 0, 1, 0]
"""Image Orientation (Patient) of a photograph, of which nothing of the kind is known: the axes of its own plane.

It is what viewers take for an image without one, so that it says of the segmentation that it lies in the image's plane,
row on row. A spacing or a position is never made up: whoever measured by it would be deceived.
"""


def segmentations(
    image: Dataset,
    probability: NDArray[np.float32],
    mask: NDArray[np.bool_],
    lesion_class: LesionClass,
    *,
    source_sop_instance_uid: str,
    pseudonyms: DerivedUids,
    algorithm: Algorithm,
) -> tuple[Dataset, Dataset]:
    """The BINARY and the FRACTIONAL segmentation of ``image``, each in a series of its own.

    Args:
        image: the sick twin as ``derived_image`` made it: study and patient are copied from it.
        probability: float32 (rows, columns) in [0, 1]; written in steps of 1/255.
        mask: bool (rows, columns); an empty one is written as an empty segment.
        lesion_class: what the segment is called.
        source_sop_instance_uid: the source photograph's, from which UIDs are derived; not written anywhere.
        pseudonyms: derives UIDs under the site's key.
        algorithm: the segment's algorithm identification.

    Raises InvalidObject when a shape or a value is not as said above.

    """
    shape = (int(image.Rows), int(image.Columns))
    if mask.shape != shape or probability.shape != shape or mask.dtype != np.bool_:
        raise InvalidObject(f"the image has shape {shape}, mask {mask.shape}, probability {probability.shape}")
    if not (np.isfinite(probability).all() and probability.min() >= 0 and probability.max() <= 1):
        raise InvalidObject("a probability is not a number in [0, 1]")

    def written(kind: SegmentationType, pixels: NDArray[Any]) -> Dataset:
        return _segmentation(image, pixels, kind, lesion_class, source_sop_instance_uid, pseudonyms, algorithm)

    with quiet():
        return (
            written("BINARY", mask.astype(np.uint8)),
            written("FRACTIONAL", probability.astype(np.float32)),
        )


def _segmentation(
    image: Dataset,
    pixels: NDArray[Any],
    kind: SegmentationType,
    lesion_class: LesionClass,
    source: str,
    pseudonyms: DerivedUids,
    algorithm: Algorithm,
) -> Dataset:
    concept = PROPERTY_TYPES[lesion_class]
    description = hd.seg.SegmentDescription(
        segment_number=1,
        segment_label=concept.meaning,
        segmented_property_category=codes.MORPHOLOGICALLY_ABNORMAL_STRUCTURE.code(),
        segmented_property_type=concept.code(),
        algorithm_type=hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=hd.AlgorithmIdentificationSequence(
            name=algorithm.name[:LONG_STRING],
            family=codes.ARTIFICIAL_INTELLIGENCE.code(),
            version=algorithm.version[:LONG_STRING],
            parameters=algorithm.parameters,
        ),
        tracking_uid=pseudonyms.derived_uid("lesion", source),
        tracking_id=TRACKING_ID,
        display_color=hd.color.CIELabColor.from_rgb(*COLOURS[lesion_class]),
    )
    segmentation = hd.seg.Segmentation(
        source_images=[image],
        pixel_array=pixels[None, :, :, None],
        segmentation_type=kind,
        segment_descriptions=[description],
        series_instance_uid=pseudonyms.derived_uid("segmentation", "series", kind, source),
        series_number=SERIES[kind].number,
        sop_instance_uid=pseudonyms.derived_uid("segmentation", kind, source),
        instance_number=1,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=algorithm.name[:LONG_STRING],
        software_versions=algorithm.version[:LONG_STRING],
        device_serial_number=algorithm.digest[:LONG_STRING],
        content_label=CONTENT_LABEL,
        content_description=CONTENT_DESCRIPTION,
        series_description=SERIES[kind].description,
        transfer_syntax_uid=SEGMENTATION_SYNTAX,
        omit_empty_frames=False,
        specific_character_set="ISO_IR 192",
    )
    _settle(segmentation, image)
    organization = pseudonyms.derived_uid("dimension-organization", kind, source)
    for item in (*segmentation.DimensionOrganizationSequence, *segmentation.DimensionIndexSequence):
        item.DimensionOrganizationUID = organization  # highdicom draws one at random
    return segmentation


def _settle(segmentation: Dataset, image: Dataset) -> None:
    """What highdicom leaves out or takes from the clock."""
    segmentation.PatientOrientation = image.get("PatientOrientation", "")
    segmentation.file_meta.ImplementationClassUID = IMPLEMENTATION_CLASS_UID
    segmentation.file_meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
    segmentation.ContentDate = image.ContentDate
    segmentation.ContentTime = image.ContentTime
    if "PixelAspectRatio" in image:  # the same grid, and as little square
        segmentation.PixelAspectRatio = image.PixelAspectRatio
    segmentation.ContentCreatorName = ""  # Type 2 (PS3.3 C.8.20.2)
    orientation = Dataset()
    orientation.ImageOrientationPatient = ROWS_ALONG_ROWS
    for groups in segmentation.get("SharedFunctionalGroupsSequence") or ():
        groups.PlaneOrientationSequence = [orientation]
        # A photograph has no slice thickness, which the macro then demands (PS3.3 C.7.6.16.2.1); its spacing is in the
        # image that the segment refers to, on the same grid.
        measures = groups.get("PixelMeasuresSequence") or ()
        if any("SliceThickness" not in item for item in measures):
            del groups.PixelMeasuresSequence
    for keyword in ("InstanceCreationDate", "InstanceCreationTime"):
        if keyword in segmentation:
            del segmentation[keyword]
    for keyword in (
        "PatientIdentityRemoved",
        "DeidentificationMethod",
        "DeidentificationMethodCodeSequence",
        "LongitudinalTemporalInformationModified",
        "ContributingEquipmentSequence",
    ):
        if keyword in image:
            segmentation[keyword] = image[keyword]
