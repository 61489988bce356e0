"""Invented photographs and headers: colour gradients with a round spot, and people who do not exist."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
    VLPhotographicImageStorage,
    generate_uid,
)

from dicom_io.writing import Algorithm

ALGORITHM = Algorithm(name="embedded", version="0", digest="5e" * 32)


class PlainUids:
    """Derived UIDs without a key, for tests that are not about pseudonyms."""

    def derived_uid(self, *parts: str) -> str:
        digest = hashlib.sha256("\0".join(parts).encode()).digest()[:16]
        return f"2.25.{int.from_bytes(digest, 'big')}"


def skin(height: int = 96, width: int = 128) -> NDArray[np.uint8]:
    """A smooth skin-coloured gradient with a reddish spot: no face, nobody's skin."""
    rows, columns = np.mgrid[:height, :width]
    rgb = np.stack([205 - rows * 20 // height, 160 - columns * 15 // width, 135 + rows * 8 // height], axis=-1)
    rgb[spot(height, width)] += [20, -30, -25]
    return rgb.astype(np.uint8)


def spot(height: int = 96, width: int = 128) -> NDArray[np.bool_]:
    """Where ``skin`` has its spot."""
    rows, columns = np.mgrid[:height, :width]
    return np.asarray((rows - height / 2) ** 2 + (columns - width / 2) ** 2 < (height / 5) ** 2)


def code(value: str, scheme: str, meaning: str) -> Dataset:
    """The item of a code sequence."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def minimal_header(sop_class: str = VLPhotographicImageStorage) -> Dataset:
    """UIDs and nothing else."""
    header = Dataset()
    header.SOPClassUID = UID(sop_class)
    header.SOPInstanceUID = generate_uid()
    header.StudyInstanceUID = generate_uid()
    header.SeriesInstanceUID = generate_uid()
    return header


def rich_header(sop_class: str = VLPhotographicImageStorage) -> Dataset:
    """A header as a hospital would send it, for a patient who does not exist."""
    header = minimal_header(sop_class)
    header.SpecificCharacterSet = "ISO_IR 192"
    header.PatientName = "Ödegård^Wilhelmina^Q"
    header.PatientID = "MRN-4471190"
    header.PatientBirthDate = "19790317"
    header.PatientSex = "F"
    header.PatientAge = "041Y"
    header.StudyDate, header.StudyTime = "20200611", "091502"
    header.ContentDate, header.ContentTime = "20200611", "091733"
    header.AccessionNumber = "ACC-55012"
    header.StudyID = "D-17"
    header.ReferringPhysicianName = "Fernhollow^Basil"
    header.InstitutionName = "Larchmere Infirmary"
    header.StudyDescription = "Rosacea, follow-up"
    header.Modality = "XC"
    header.Manufacturer = "Lensworks"
    header.DeviceSerialNumber = "LW-9921-X"
    header.SeriesNumber, header.InstanceNumber = 1, 3
    header.PatientOrientation = ["L", "F"]
    header.Laterality = "R"
    header.BodyPartExamined = "FACE"
    header.AnatomicRegionSequence = [code("89545001", "SCT", "Face")]
    header.AdmittingDiagnosesCodeSequence = [code("398909004", "SCT", "Rosacea")]
    return header


def clean_header(sop_class: str = VLPhotographicImageStorage) -> Dataset:
    """What a confidentiality profile could leave of ``rich_header``, written by hand."""
    rich = rich_header(sop_class)
    clean = Dataset()
    for keyword in ("SOPClassUID", "StudyInstanceUID", "SeriesInstanceUID", "PatientSex", "PatientAge", "Modality",
                    "InstanceNumber", "PatientOrientation", "Laterality", "BodyPartExamined",
                    "AnatomicRegionSequence"):  # fmt: skip
        clean[keyword] = rich[keyword]
    clean.PatientName = clean.PatientID = "P3K7"
    clean.StudyDate = clean.ContentDate = "20190813"
    clean.PatientIdentityRemoved = "YES"
    clean.DeidentificationMethodCodeSequence = [
        code("113100", "DCM", "Basic Application Confidentiality Profile")
    ]
    return clean


def photograph(
    header: Dataset | None = None,
    rgb: NDArray[np.uint8] | None = None,
    transfer_syntax: str = ExplicitVRLittleEndian,
    *,
    exif: bytes = b"",
) -> Dataset:
    """``header`` with ``rgb`` as its one frame, encoded in ``transfer_syntax`` as another system might have done it."""
    dataset = header if header is not None else rich_header()
    rgb = skin() if rgb is None else rgb
    dataset.Rows, dataset.Columns = rgb.shape[:2]
    dataset.SamplesPerPixel, dataset.PlanarConfiguration, dataset.PixelRepresentation = 3, 0, 0
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit = 7
    photometric, frame = _encoded(rgb, UID(transfer_syntax), exif)
    dataset.PhotometricInterpretation = photometric
    dataset.PixelData = encapsulate([frame]) if UID(transfer_syntax).is_compressed else frame
    dataset["PixelData"].VR = "OB"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = UID(transfer_syntax)
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    return dataset


def _encoded(rgb: NDArray[np.uint8], transfer_syntax: UID, exif: bytes) -> tuple[str, bytes]:
    if transfer_syntax in {ExplicitVRLittleEndian, ImplicitVRLittleEndian}:
        return "RGB", rgb.tobytes()
    if transfer_syntax == JPEGBaseline8Bit:
        frame = io.BytesIO()
        Image.fromarray(rgb).save(frame, "JPEG", quality=92, exif=exif)
        return "YBR_FULL_422", frame.getvalue()
    if transfer_syntax == RLELossless:
        return "RGB", rle_frame(rgb)
    encoders: dict[UID, tuple[str, Any]] = {
        JPEGLSLossless: ("RGB", lambda: imagecodecs.jpegls_encode(rgb)),
        JPEGLSNearLossless: ("RGB", lambda: imagecodecs.jpegls_encode(rgb, level=2)),
        JPEG2000Lossless: (
            "YBR_RCT", lambda: imagecodecs.jpeg2k_encode(rgb, codecformat="j2k", mct=True, reversible=True, level=0)
        ),
        JPEG2000: ("YBR_ICT", lambda: imagecodecs.jpeg2k_encode(rgb, codecformat="j2k", mct=True, level=45)),
        HTJ2KLossless: ("YBR_RCT", lambda: imagecodecs.htj2k_encode(rgb, reversible=True)),
        HTJ2KLosslessRPCL: ("YBR_RCT", lambda: imagecodecs.htj2k_encode(rgb, reversible=True)),
        HTJ2K: ("YBR_ICT", lambda: imagecodecs.htj2k_encode(rgb, reversible=False)),
    }  # fmt: skip
    photometric, encode = encoders[transfer_syntax]
    return photometric, bytes(encode())


def rle_frame(samples: NDArray[np.uint8]) -> bytes:
    """The planes of ``samples`` (height, width, n) as an RLE frame (PS3.5 annex G)."""
    planes = [_rle_segment(np.ascontiguousarray(plane).tobytes()) for plane in np.moveaxis(samples, 2, 0)]
    offsets = [64 + sum(map(len, planes[:number])) for number in range(len(planes))]
    head = np.array([len(planes), *offsets, *[0] * (15 - len(planes))], dtype="<u4").tobytes()
    return head + b"".join(planes)


def _rle_segment(plane: bytes) -> bytes:
    """Literal runs only (PS3.5 G.3.1), padded to an even length."""
    runs = b"".join(bytes([len(plane[at : at + 128]) - 1]) + plane[at : at + 128] for at in range(0, len(plane), 128))
    return runs + b"\0" * (len(runs) % 2)


def write(dataset: Dataset, path: Path) -> Path:
    """``dataset`` as a DICOM file at ``path``."""
    dataset.save_as(path, enforce_file_format=True)
    return path
