"""A twin maker that needs no model, and photographs that need no patient."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
from PIL import Image
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, JPEGBaseline8Bit, VLPhotographicImageStorage, generate_uid

from pipeline.disease import Lesion, subtract
from pipeline.errors import Rejected
from pipeline.photograph import Findings, Photograph, Rgb, Subtraction, Twins
from pipeline.text import BurnedInText

PATIENT_NAME = "Quillfeather^Ottoline"
PATIENT_ID = "MRN-7731904"
BIRTH_DATE = "19610417"


class NoText:
    """A text remover that finds nothing: the real one loads for longer than most processes of tests live."""

    def examine(self, rgb: Rgb, *, announced: bool = False, vouched: bool = False) -> BurnedInText:
        return BurnedInText()


class MirroringTwinMaker:
    """Another "person" by mirroring, healed by taking the redness out. Deterministic, unlike the real one.

    ``refusals``: how many attempts the gate rejects. ``on_call(method, attempt)`` runs first in each method.
    """

    name = "mirror"
    version = "0"
    digest = "ab" * 32
    facts: Mapping[str, str] = MappingProxyType({})

    def __init__(self, refusals: int = 0, on_call: Callable[[str, int], None] = lambda method, attempt: None) -> None:
        self.refusals = refusals
        self.on_call = on_call
        self._attempt = 0

    def heal(self, photograph: Photograph) -> Lesion:
        self.on_call("heal", 0)
        healthy = photograph.rgb.copy()
        red = healthy[..., 0].astype(int) - healthy[..., 1] > 80
        healthy[red] = np.median(photograph.rgb[~red], axis=0).astype(np.uint8)
        return Lesion.between(photograph.rgb, healthy, red, model_pixel=1.0)

    def swap(self, photograph: Photograph, lesion: Lesion, persona_seed: bytes, attempt: int) -> Twins:
        self.on_call("swap", attempt)
        assert len(persona_seed) == 32
        self._attempt = attempt
        pictures = (photograph.rgb, lesion.taken_off(photograph.rgb))
        return Twins(*(np.ascontiguousarray(rgb[:, ::-1]) for rgb in pictures))

    def judge(self, photograph: Photograph, twins: Twins) -> Findings:
        self.on_call("judge", self._attempt)
        if self._attempt < self.refusals:
            raise Rejected("the recognisers agree that it is still the patient")
        return Findings(outcome="released", faces=1, sface_cosine=0.1, dlib_distance=0.8, ncc=0.2)

    def subtract(self, twins: Twins) -> Subtraction:
        self.on_call("subtract", 0)
        return subtract(twins.sick, twins.healthy, model_pixel=1.0)


def skin(side: int = 96, seed: int = 0) -> Rgb:
    """Skin-coloured noise with a red disc left of the middle, uint8 (side, side, 3)."""
    noise = np.random.default_rng(seed).integers(-4, 5, (side, side, 1))
    pixels = np.array([205, 165, 145]) + noise
    y, x = np.mgrid[:side, :side]
    pixels[(x - side // 3) ** 2 + (y - side // 2) ** 2 < (side // 8) ** 2] = (190, 80, 80)
    return pixels.astype(np.uint8)


def photograph(study: str, *, rgb: Rgb | None = None, number: int = 1, uid: str | None = None) -> Dataset:
    """A VL Photographic image of one invented patient, JPEG baseline with a comment inside the frame."""
    import io

    rgb = skin(seed=number) if rgb is None else rgb
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", quality=92, comment=PATIENT_NAME.encode())
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    image.SOPClassUID = image.file_meta.MediaStorageSOPClassUID = VLPhotographicImageStorage
    image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = UID(uid or generate_uid())
    image.StudyInstanceUID, image.SeriesInstanceUID = study, f"{study}.1"
    image.SpecificCharacterSet = "ISO_IR 192"
    image.PatientName, image.PatientID, image.PatientBirthDate = PATIENT_NAME, PATIENT_ID, BIRTH_DATE
    image.PatientSex, image.PatientAge = "F", "063Y"
    image.StudyDate = image.SeriesDate = image.ContentDate = image.AcquisitionDate = "20240517"
    image.StudyTime = image.ContentTime = "101112"
    image.AccessionNumber, image.StudyID, image.ReferringPhysicianName = "ACC-55120", "S-991", "Brandywine^Aldous"
    image.InstitutionName = "Saint Gwendolyn Infirmary"
    image.Modality, image.SeriesNumber, image.InstanceNumber = "XC", 1, number
    image.ImageType, image.PatientOrientation, image.ImageLaterality = ["ORIGINAL", "PRIMARY"], "", "U"
    image.AcquisitionContextSequence = []
    image.Rows, image.Columns = rgb.shape[:2]
    image.SamplesPerPixel, image.PhotometricInterpretation, image.PlanarConfiguration = 3, "YBR_FULL_422", 0
    image.BitsAllocated = image.BitsStored = 8
    image.HighBit, image.PixelRepresentation = 7, 0
    image.LossyImageCompression, image.LossyImageCompressionMethod = "01", "ISO_10918_1"
    image.LossyImageCompressionRatio = f"{rgb.nbytes / len(buffer.getvalue()):.2f}"
    image.PixelData = encapsulate([buffer.getvalue()])
    image["PixelData"].is_undefined_length = True
    return image


def save(dataset: Dataset, folder: Path) -> Path:
    """``dataset`` as a file in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{dataset.SOPInstanceUID}.dcm"
    dataset.save_as(path, enforce_file_format=True)
    return path
