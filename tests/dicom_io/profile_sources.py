"""Source objects for the tests of the profile: plausible photographs, and one with a sentinel in every row."""

from __future__ import annotations

import hashlib
from io import BytesIO
from typing import Any

from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.uid import (
    DermoscopicPhotographyImageStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    VLPhotographicImageStorage,
)

from dicom_io.header import ConfidentialityProfile, Pseudonyms, SiteKey
from dicom_io.leaks.sweep import Sentinels

__all__ = ["Sentinels"]

KEY = SiteKey(hashlib.sha256(b"a key for tests").digest())


def profile(*options: str) -> ConfidentialityProfile:
    return ConfidentialityProfile(Pseudonyms(KEY), frozenset(options))


def code(value: str, scheme: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def photograph(sop_class: str = VLPhotographicImageStorage) -> Dataset:
    """A photograph as a clinic's camera might send it; every name and number in it is made up."""
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.ImageType = ["ORIGINAL", "PRIMARY"]
    dataset.SOPClassUID = sop_class
    dataset.SOPInstanceUID = "1.2.826.0.1.3680043.10.9999.1.3"
    dataset.StudyInstanceUID = "1.2.826.0.1.3680043.10.9999.1.1"
    dataset.SeriesInstanceUID = "1.2.826.0.1.3680043.10.9999.1.2"
    dataset.StudyDate, dataset.StudyTime = "20310512", "131542.25"
    dataset.ContentDate, dataset.ContentTime = "20310512", "131601"
    dataset.AccessionNumber, dataset.StudyID = "ACC-778812", "ST-4471"
    dataset.Modality = "XC"
    dataset.Manufacturer, dataset.ManufacturerModelName = "Invented Optics", "Dermacam 9"
    dataset.SoftwareVersions, dataset.DeviceSerialNumber = "4.1.7", "SN-00918273"
    dataset.InstitutionName = "Klinik Überwald"
    dataset.StudyDescription = "Follow-up of Mrs Vetinari, erythema"
    dataset.ReferringPhysicianName = "Weatherwax^Esmeralda^^Dr"
    dataset.PatientName, dataset.PatientID = "Vetinari^Zoë", "MRN-5543210"
    dataset.IssuerOfPatientID, dataset.PatientBirthDate, dataset.PatientSex = "UEBERWALD", "19710203", "F"
    dataset.PatientAge = "060Y"
    dataset.BodyPartExamined, dataset.ImageLaterality = "FACE", "L"
    dataset.AnatomicRegionSequence = [code("89545001", "SCT", "Face of Zoë Vetinari")]
    dataset.InstanceNumber, dataset.SeriesNumber = 7, 3
    dataset.PatientOrientation = ["L", "F"]
    dataset.LossyImageCompression = "00"
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PlanarConfiguration = 3, "RGB", 0
    dataset.Rows, dataset.Columns = 8, 8
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation = 7, 0
    dataset.PixelSpacing = ["0.25", "0.25"]
    reference = Dataset()
    reference.ReferencedSOPClassUID = DermoscopicPhotographyImageStorage
    reference.ReferencedSOPInstanceUID = "1.2.826.0.1.3680043.10.9999.1.4"
    reference.PurposeOfReferenceCodeSequence = [code("121311", "DCM", "Localizer")]
    dataset.ReferencedImageSequence = [reference]
    return dataset


def as_file(
    dataset: Dataset, transfer_syntax: str = ExplicitVRLittleEndian, preamble: bytes = b"\0" * 128, **meta: Any
) -> bytes:
    """``dataset`` as the bytes of a DICOM file; ``meta``: further file meta elements."""
    copy = Dataset(dataset)
    copy.file_meta = FileMetaDataset()
    copy.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    copy.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    copy.file_meta.TransferSyntaxUID = transfer_syntax
    for keyword, value in meta.items():
        setattr(copy.file_meta, keyword, value)
    copy.preamble = preamble
    buffer = BytesIO()
    copy.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def read_back(blob: bytes) -> Dataset:
    return dcmread(BytesIO(blob))


SYNTAXES = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
