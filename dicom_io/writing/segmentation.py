"""The disease as DICOM Segmentation objects (PS3.3 A.51), BINARY and FRACTIONAL, on the sick twin."""

from __future__ import annotations

from typing import Any, Literal

import highdicom as hd
import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from dicom_io.errors import InvalidObject
from dicom_io.quiet import quiet
from dicom_io.writing import codes
from dicom_io.writing.derived import LONG_STRING, MANUFACTURER, Algorithm, DerivedUids

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
SERIES_DESCRIPTION = "Disease, by subtraction of the twins"
SERIES_NUMBER = 903
"""After those of the twins."""


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
    """The BINARY and the FRACTIONAL segmentation of ``image``, in one series.

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

    def written(number: int, kind: Literal["BINARY", "FRACTIONAL"], pixels: NDArray[Any]) -> Dataset:
        return _segmentation(
            image, pixels, kind, number, lesion_class, source_sop_instance_uid, pseudonyms, algorithm
        )

    with quiet():
        return (
            written(0, "BINARY", mask.astype(np.uint8)),
            written(1, "FRACTIONAL", probability.astype(np.float32)),
        )


def _segmentation(
    image: Dataset,
    pixels: NDArray[Any],
    kind: Literal["BINARY", "FRACTIONAL"],
    number: int,
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
        anatomic_regions=None,
    )
    segmentation = hd.seg.Segmentation(
        source_images=[image],
        pixel_array=pixels[None, :, :, None],
        segmentation_type=kind,
        segment_descriptions=[description],
        series_instance_uid=pseudonyms.derived_uid("segmentation", "series", str(image.SeriesInstanceUID)),
        series_number=SERIES_NUMBER,
        sop_instance_uid=pseudonyms.derived_uid("segmentation", kind, source),
        instance_number=2 * int(image.InstanceNumber) - 1 + number,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=algorithm.name[:LONG_STRING],
        software_versions=algorithm.version[:LONG_STRING],
        device_serial_number=algorithm.digest[:LONG_STRING],
        content_label=CONTENT_LABEL,
        content_description=CONTENT_DESCRIPTION,
        series_description=SERIES_DESCRIPTION,
        transfer_syntax_uid=ExplicitVRLittleEndian,
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
    segmentation.ContentDate = image.ContentDate
    segmentation.ContentTime = image.ContentTime
    for groups in segmentation.get("SharedFunctionalGroupsSequence") or ():
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
