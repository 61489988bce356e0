"""The sweep: one photograph with a sentinel in every place where a value can stand, and the search for them afterwards.

Sentinels are values that occur nowhere else: words, dates, times, UIDs and numbers, each known again by its bytes.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Literal

import numpy as np
from jpeg_ls import encode_array as encode_jpeg_ls
from openjpeg.utils import encode_array as encode_jpeg_2000
from PIL import Image
from pydicom import DataElement, Dataset
from pydicom.datadict import dictionary_has_tag, dictionary_keyword, dictionary_VM, dictionary_VR
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.tag import Tag
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    VLPhotographicImageStorage,
)

from dicom_io.header import ENUMERATED, LONGEST_SHIFT, MODIFIED_DATES
from dicom_io.quiet import quiet
from dicom_io.standard import profile_table
from dicom_io.writing import CAMERA, OF_THE_SOURCE

UNLISTED = {
    "PatientBirthDateInAlternativeCalendar": "LO",
    "PatientSpeciesDescription": "LO",
    "SequenceName": "SH",
    "CodingSchemeName": "ST",
    "ExtendedCodeMeaning": "LT",
    "TrackingID": "UT",
    "StrainDescription": "UC",
    "ContactURI": "UR",
    "EvaluatorName": "PN",
    "ExpiryDate": "DA",
    "StudyUpdateDateTime": "DT",
    "SecondaryReviewTime": "TM",
    "PrivateRecordUID": "UI",
    "ICCProfile": "OB",
    "RedPaletteColorLookupTableData": "OW",
    "PixelData": "OW",
}
"""Attributes outside the table: every VR that the net must catch."""

SPACING = "0.2718281"
"""Millimetres. It stays under every option, for without it no lesion can be measured."""


@dataclass
class Sentinels:
    """Makes values that occur nowhere else, and remembers the bytes by which each is known again."""

    planted: dict[str, bytes] = field(default_factory=dict)
    dates: int = 0

    def value(self, vr: str, where: str) -> Any:
        """The next value for ``vr``, planted at ``where``."""
        number = len(self.planted) + 1
        # Days further apart than any patient's shift: one that was moved is never taken for another.
        self.dates += vr in ("DA", "DT")
        day = f"{date(1203, 1, 1) + timedelta(days=self.dates * (LONGEST_SHIFT + 1)):%Y%m%d}"
        time = f"{number // 3600 % 24:02d}{number // 60 % 60:02d}{number % 60:02d}.{number:06d}"
        text = f"LEAK{number:05d}"
        by_vr: dict[str, Any] = {
            "DA": day,
            "TM": time,
            "DT": day + time,
            "UI": f"1.2.826.0.1.3680043.10.{700000 + number}.1",
            "AS": f"{number % 1000:03d}D",
            "DS": str(1_987_600_000 + number),
            "IS": str(1_987_600_000 + number),
            "US": 40_000 + number,
            "PN": f"{text}^Given",
            "UR": f"https://{text}.example",
            **dict.fromkeys(("OB", "OW", "UN"), f"{text}{'.' * (len(text) % 2)}".encode()),
        }
        value = by_vr.get(vr, text)
        known = value.to_bytes(2, "little") if vr == "US" else value
        self.planted[where] = known if isinstance(known, bytes) else str(known).encode()
        return value

    def plant_rows(self, dataset: Dataset, place: str) -> None:
        """A sentinel in ``dataset`` for every row of Table E.1-1 but those on groups that are planted on their own."""
        for row in profile_table().rows:
            if "x" in row.tag or row.tag == "PRIVATE" or row.tag[:4] in ("0000", "0002"):
                continue
            tag = int(row.tag, 16)
            where = f"{place} {row.tag} {row.name}"
            vr = dictionary_VR(tag).split(" or ")[0] if dictionary_has_tag(tag) else row.vr
            if vr == "SQ":
                item = Dataset()
                name = self.value("PN", where)
                self.planted[where] = name.split("^")[0].encode()
                item.PhysiciansOfRecord = name
                item.ImageComments = item.PatientSpeciesDescription = item.BodyPartExamined = name.split("^")[0]
                dataset[tag] = DataElement(tag, "SQ", Sequence([item]))
            else:
                fewest = int(dictionary_VM(tag)[0]) if dictionary_has_tag(tag) else 1
                value = self.value(vr, where)
                dataset[tag] = DataElement(tag, vr, [value] * fewest if fewest > 1 else value)
                if vr == "US":  # two bytes alone would be found anywhere
                    header = (tag >> 16).to_bytes(2, "little") + (tag & 0xFFFF).to_bytes(2, "little") + b"US\x02\0"
                    self.planted[where] = header + self.planted[where]

    def plant_elsewhere(self, dataset: Dataset, place: str) -> None:
        """Private blocks, curves, overlays, unknown elements and unlisted attributes of every VR that can hold text."""
        block = dataset.private_block(0x0019, "TWINVEIL TEST", create=True)
        for offset, vr in enumerate(("LO", "PN", "UN", "UI", "DA"), start=1):
            block.add_new(offset, vr, self.value(vr, f"{place} private {vr}"))
        for group in (0x5000, 0x5002, 0x501E):
            dataset.add_new(group << 16 | 0x2500, "LO", self.value("LO", f"{place} curve label {group:04X}"))
            dataset.add_new(group << 16 | 0x3000, "OB", self.value("OB", f"{place} curve data {group:04X}"))
        for group in (0x6000, 0x6002, 0x601E):
            dataset.add_new(group << 16 | 0x0022, "LO", self.value("LO", f"{place} overlay description {group:04X}"))
            dataset.add_new(group << 16 | 0x3000, "OB", self.value("OB", f"{place} overlay data {group:04X}"))
            dataset.add_new(group << 16 | 0x4000, "LT", self.value("LT", f"{place} overlay comments {group:04X}"))
        for tag, vr in ((0x0008FFF0, "UN"), (0x0010FFF2, "LO"), (0x00221FFE, "UN")):
            dataset.add_new(tag, vr, self.value(vr, f"{place} unknown to any dictionary {tag:08X}"))
        for keyword, vr in UNLISTED.items():
            dataset.add_new(Tag(keyword), vr, self.value(vr, f"{place} unlisted {keyword}"))

    def found_in(self, blob: bytes) -> list[str]:
        """Where what stands in ``blob`` was planted."""
        return [where for where, known in self.planted.items() if known in blob]


@dataclass(frozen=True)
class Carrier:
    """How the photograph is encoded; compressed frames carry sentinels of their own."""

    name: str
    transfer_syntax: UID
    codec: Literal["", "jpeg", "jpeg-ls", "jpeg-2000"] = ""


CARRIERS = (
    Carrier("explicit VR", ExplicitVRLittleEndian),
    Carrier("implicit VR", ImplicitVRLittleEndian),
    Carrier("JPEG with EXIF", JPEGBaseline8Bit, "jpeg"),
    Carrier("JPEG-LS with EXIF", JPEGLSLossless, "jpeg-ls"),
    Carrier("JPEG 2000 with comment", JPEG2000Lossless, "jpeg-2000"),
)


@dataclass(frozen=True)
class Sweep:
    """A planted photograph as the bytes of a file."""

    blob: bytes
    sentinels: dict[str, bytes]

    @classmethod
    def planted(cls, carrier: Carrier) -> Sweep:
        """A sentinel in every listed attribute, at the top and nested twice in unlisted sequences, and elsewhere."""
        with quiet():
            sentinels = Sentinels()
            dataset = _photograph(carrier, sentinels)
            buffer = io.BytesIO()
            dataset.save_as(buffer, enforce_file_format=True)
        return cls(buffer.getvalue(), sentinels.planted)

    def found_in(self, blobs: Iterable[bytes]) -> set[str]:
        """Where what stands in any of ``blobs`` was planted."""
        whole = b"\0\0\0\0".join(blobs)
        return {where for where, known in self.sentinels.items() if known in whole}

    def retained_by(self, options: frozenset[str]) -> set[str]:
        """What a derived image must still hold under ``options``, by the letters of the table."""
        kept = {"pixel spacing"}
        for where in self.sentinels:
            place, tag, *_ = [*where.split(" "), ""]
            if place == "top" and re.fullmatch("[0-9A-F]{8}", tag) and _stays(int(tag, 16), options):
                kept.add(where)
        return kept


def _stays(tag: int, options: frozenset[str]) -> bool:
    row = profile_table().row(tag)
    if row is None or not dictionary_has_tag(tag) or dictionary_VR(tag) == "SQ":
        return False
    keyword = dictionary_keyword(tag)
    if keyword in ENUMERATED or keyword == "TimezoneOffsetFromUTC":  # a sentinel is not one of the values that may stay
        return False
    if tag in OF_THE_SOURCE and keyword not in CAMERA and keyword not in ("ContentDate", "ContentTime"):
        return False
    if MODIFIED_DATES in options and MODIFIED_DATES in row.options:
        return row.vr == "TM"
    return any(row.options.get(option) == "K" for option in options)


def _photograph(carrier: Carrier, sentinels: Sentinels) -> Dataset:
    dataset = Dataset()
    sentinels.plant_rows(dataset, "top")
    sentinels.plant_elsewhere(dataset, "top")
    item, inner = Dataset(), Dataset()
    sentinels.plant_rows(item, "nested")
    sentinels.plant_elsewhere(item, "nested")
    inner.DeviceSequence = Sequence([item])
    dataset.ContributingEquipmentSequence = Sequence([inner])
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID = VLPhotographicImageStorage
    dataset.Modality, dataset.BodyPartExamined, dataset.ImageType = "XC", "FACE", ["ORIGINAL", "PRIMARY"]
    dataset.Manufacturer = "Invented Optics"
    dataset.PixelSpacing = [SPACING, SPACING]
    sentinels.planted["pixel spacing"] = SPACING.encode()
    dataset.InstanceNumber = 7
    _write_pixels(dataset, carrier, sentinels)
    meta = dataset.file_meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = dataset.SOPClassUID, dataset.SOPInstanceUID
    meta.TransferSyntaxUID = carrier.transfer_syntax
    meta.SourceApplicationEntityTitle = sentinels.value("AE", "file meta AE title")
    meta.PrivateInformationCreatorUID = sentinels.value("UI", "file meta private creator")
    meta.PrivateInformation = sentinels.value("OB", "file meta private information")
    dataset.preamble = sentinels.value("OB", "preamble").ljust(128, b"\0")
    return dataset


def _write_pixels(dataset: Dataset, carrier: Carrier, sentinels: Sentinels) -> None:
    rows, columns = np.mgrid[:64, :64]
    rgb = np.stack([200 - rows // 4, 150 - columns // 4, 130 + rows // 8], axis=-1).astype(np.uint8)
    dataset.Rows, dataset.Columns = rgb.shape[:2]
    dataset.SamplesPerPixel, dataset.PlanarConfiguration, dataset.PixelRepresentation = 3, 0, 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
    dataset.PhotometricInterpretation = {"jpeg": "YBR_FULL_422", "jpeg-2000": "YBR_RCT"}.get(carrier.codec, "RGB")
    del sentinels.planted["top unlisted PixelData"]
    if not carrier.codec:
        dataset[0x7FE00010] = DataElement(0x7FE00010, "OB", rgb.tobytes())
        return
    dataset[0x7FE00010] = DataElement(0x7FE00010, "OB", encapsulate([_frame(rgb, carrier, sentinels)]))
    dataset["PixelData"].is_undefined_length = True


def _frame(rgb: np.ndarray[Any, np.dtype[np.uint8]], carrier: Carrier, sentinels: Sentinels) -> bytes:
    """A frame as a camera writes it: an owner and a day in EXIF, a comment, and something after the image's end."""
    comment = sentinels.value("LO", "frame comment").encode()
    if carrier.codec == "jpeg-2000":
        stream = bytes(encode_jpeg_2000(rgb, photometric_interpretation=1, use_mct=True, codec_format=0))
        size_end = 4 + int.from_bytes(stream[4:6], "big")  # the comment may follow the SIZ marker segment
        return stream[:size_end] + _segment(0x64, b"\0\1" + comment) + stream[size_end:]
    exif = Image.Exif()
    exif[0x013B], exif[0x010E] = sentinels.value("LO", "EXIF artist"), sentinels.value("LO", "EXIF description")
    day = sentinels.value("DA", "EXIF date")
    exif[0x0132] = f"{day[:4]}:{day[4:6]}:{day[6:]} 10:11:12"
    sentinels.planted["EXIF date"] = exif[0x0132][:10].encode()
    exif.get_ifd(0x8825).update({1: "N", 2: (47.0, 22.0, 36.48), 29: exif[0x0132][:10]})
    if carrier.codec == "jpeg":
        buffer = io.BytesIO()
        Image.fromarray(rgb).save(buffer, "JPEG", quality=92, subsampling="4:2:2", exif=exif, comment=comment)
        return buffer.getvalue()
    stream = bytes(encode_jpeg_ls(rgb, interleave_mode=2))
    application = exif.tobytes()
    return stream[:2] + _segment(0xE1, application) + _segment(0xFE, comment) + stream[2:]


def _segment(marker: int, payload: bytes) -> bytes:
    """A marker segment (ISO/IEC 10918-1 B.1.1.4)."""
    return bytes([0xFF, marker]) + (len(payload) + 2).to_bytes(2, "big") + payload
