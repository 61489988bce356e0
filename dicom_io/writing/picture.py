"""A picture from a file as a DICOM photograph: the way into the pipeline for what is measured on pictures.

Its header says what is known and nothing else: view, skin type, sex, age, and that it belongs to nobody.
"""

from __future__ import annotations

from typing import Literal

from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import (
    UID,
    DermoscopicPhotographyImageStorage,
    ExplicitVRLittleEndian,
    VLPhotographicImageStorage,
    generate_uid,
)

from dicom_io.reading import SKIN_TYPES, Rgb, Sex, SkinType, srgb_profile
from dicom_io.standard import PHOTOGRAPH_CLASSES
from dicom_io.writing.codes import Concept

View = Literal["face", "close-up", "dermoscopy"]

BODY_PARTS: dict[View, str] = {"face": "FACE", "close-up": "EXTREMITY", "dermoscopy": "EXTREMITY"}
"""Body Part Examined (PS3.16 Annex L) from which the view is read again."""
_SEX: dict[Sex, str] = {"female": "F", "male": "M"}
SKIN_TYPE = Concept("443635002", "SCT", "Fitzpatrick classification of skin type")


def wrapped(
    rgb: Rgb, view: View, skin_type: SkinType | None = None, sex: Sex | None = None, age_years: int | None = None
) -> Dataset:
    """``rgb`` (uint8, sRGB) uncompressed, with UIDs of its own, in a study of its own."""
    sop_class: UID = DermoscopicPhotographyImageStorage if view == "dermoscopy" else VLPhotographicImageStorage
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.SOPClassUID = image.file_meta.MediaStorageSOPClassUID = sop_class
    image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    image.StudyInstanceUID, image.SeriesInstanceUID = generate_uid(), generate_uid()
    image.PatientName, image.PatientID = "", image.SOPInstanceUID
    image.PatientSex = "" if sex is None else _SEX[sex]
    if age_years is not None:
        image.PatientAge = f"{age_years:03d}Y"
    image.Modality, image.BodyPartExamined = PHOTOGRAPH_CLASSES[sop_class].modality, BODY_PARTS[view]
    image.SeriesNumber = image.InstanceNumber = 1
    image.ImageType, image.PatientOrientation, image.ImageLaterality = ["ORIGINAL", "PRIMARY"], "", "U"
    image.StudyDate = image.StudyTime = image.ContentDate = image.ContentTime = ""
    image.AcquisitionContextSequence = [] if skin_type is None else [_skin_type(skin_type)]
    image.Rows, image.Columns = rgb.shape[:2]
    image.SamplesPerPixel, image.PhotometricInterpretation, image.PlanarConfiguration = 3, "RGB", 0
    image.BitsAllocated = image.BitsStored = 8
    image.HighBit, image.PixelRepresentation = 7, 0
    image.LossyImageCompression = "00"
    image.ICCProfile = srgb_profile()
    pixels = rgb.tobytes()
    image.PixelData = pixels if len(pixels) % 2 == 0 else pixels + b"\0"
    image["PixelData"].VR = "OB"
    return image


def _skin_type(skin_type: SkinType) -> Dataset:
    value = next(value for value, known in SKIN_TYPES.items() if known == skin_type)
    item = Dataset()
    item.ValueType = "CODE"
    item.ConceptNameCodeSequence = [SKIN_TYPE.item()]
    item.ConceptCodeSequence = [Concept(value, "NCIt", f"Fitzpatrick Skin Type {skin_type}").item()]
    return item
