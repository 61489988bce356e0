"""The last look at a file before it leaves: the rules that validators lack, and the search for what must not be there.

``dciodvfy`` checks modules and types. It does not look at code meanings, ICC profiles, lossy ratios, or what stands
inside a compressed frame, and it knows nothing of what the profile promised.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Protocol, cast

import pydicom
from pydicom import Dataset
from pydicom.encaps import get_frame
from pydicom.sr._concepts_dict import concepts
from pydicom.uid import SegmentationStorage

from dicom_io.errors import InvalidObject, LeakFound, LeakSuspected, in_words
from dicom_io.leaks.identifiers import Suspected
from dicom_io.quiet import quiet
from dicom_io.reading import srgb_profile
from dicom_io.standard import OPTIONS, PHOTOGRAPH_CLASSES, TRANSFER_SYNTAXES
from dicom_io.writing import (
    BASIC_PROFILE,
    CLEAN_PIXEL_DATA,
    CLEAN_RECOGNIZABLE_VISUAL_FEATURES,
    CONCEPTS,
    PRIVATE_SCHEME,
    Algorithm,
    own_texts,
)

RATIO_TOLERANCE = 0.05
"""Relative. A ratio is written with two decimals, and counted with or without the frame's padding byte."""

HARMLESS_JPEG_SEGMENTS = frozenset({0xE0, 0xEE})
"""APP0 (JFIF) and APP14 (Adobe's colour transform): numbers that our own encoder writes."""


class SourceIdentifiers(Protocol):
    """What identified the source."""

    def found_in(self, blob: bytes, own_texts: Collection[str] = ()) -> list[str]:
        """Names of the source's values that stand in ``blob``, ``own_texts`` not counted; ``Suspected`` where it may
        be by chance."""
        ...


CLAIMS = {
    CLEAN_PIXEL_DATA.value: "BurnedInAnnotation",
    CLEAN_RECOGNIZABLE_VISUAL_FEATURES.value: "RecognizableVisualFeatures",
}
"""Options of the profile (CID 7050) and the attribute that says of an image the same."""


def check_outgoing(
    path: Path, identifiers: SourceIdentifiers, algorithm: Algorithm | None = None, *, vouched: bool = False
) -> None:
    """Raise unless the file at ``path``, made by ``algorithm``, may leave.

    ``vouched``: a reviewer answers for what only looks like a value of the source. What is one stays one.

    Raises LeakFound, which is looked for first, LeakSuspected, or InvalidObject, which names every rule that is broken.
    """
    blob = path.read_bytes()
    ours = own_texts(algorithm) if algorithm is not None else frozenset()
    if leaked := identifiers.found_in(blob, ours):
        if certain := [where for where in leaked if not isinstance(where, Suspected)]:
            raise LeakFound(certain)
        if not vouched:
            raise LeakSuspected(leaked)
    with quiet():
        try:
            dataset = pydicom.dcmread(path)
            broken = [complaint for rule in RULES for complaint in rule(dataset)]
            if blob[:128] != bytes(128):
                broken.append("the preamble is not zero")
        except InvalidObject:
            raise
        except Exception as error:  # whatever pydicom raises on it, such a file does not leave
            raise InvalidObject(f"an outgoing object cannot be read: {in_words(error)}") from error
    if broken:
        raise InvalidObject(f"an outgoing object breaks its definition: {'; '.join(broken)}")


def _file_meta_agrees(dataset: Dataset) -> Iterator[str]:
    if dataset.file_meta.MediaStorageSOPClassUID != dataset.SOPClassUID:
        yield "SOP Class UID differs from the file meta information"
    if dataset.file_meta.MediaStorageSOPInstanceUID != dataset.SOPInstanceUID:
        yield "SOP Instance UID differs from the file meta information"
    if dataset.SOPClassUID not in PHOTOGRAPH_CLASSES and dataset.SOPClassUID != SegmentationStorage:
        yield "the SOP class is not one of those that we write"


def _groups_that_never_leave(dataset: Dataset) -> Iterator[str]:
    claimed = {item.CodeValue for item in dataset.get("DeidentificationMethodCodeSequence") or ()}
    for element in dataset.iterall():
        group = element.tag.group
        if element.tag.is_private and OPTIONS["retain_safe_private"].value not in claimed:
            yield f"private attribute {element.tag}"
        elif group & 0xFF00 in {0x5000, 0x6000}:
            yield f"curve or overlay attribute {element.tag}"


def _says_what_was_done(dataset: Dataset) -> Iterator[str]:
    if dataset.get("PatientIdentityRemoved") != "YES":
        yield "Patient Identity Removed is not YES"
    claimed = {item.CodeValue for item in dataset.get("DeidentificationMethodCodeSequence") or ()}
    if BASIC_PROFILE.value not in claimed:
        yield "the de-identification method does not claim the basic profile"
    if dataset.SOPClassUID not in PHOTOGRAPH_CLASSES:
        return
    for claim, keyword in CLAIMS.items():
        if claim in claimed and dataset.get(keyword) != "NO":
            yield f"{claim} is claimed though {keyword} is not NO"


def _no_clock(dataset: Dataset) -> Iterator[str]:
    for keyword in ("InstanceCreationDate", "InstanceCreationTime"):
        if keyword in dataset:
            yield f"{keyword} tells when the patient's photograph was processed"


def _code_meanings(dataset: Dataset) -> Iterator[str]:
    for item in _items(dataset):
        value, scheme = item.get("CodeValue"), item.get("CodingSchemeDesignator")
        if value is None or scheme is None:
            continue
        known = CONCEPTS.get((scheme, value))
        meanings = {known.meaning} if known else _public_meanings().get((scheme, value), set())
        if scheme == PRIVATE_SCHEME and known is None:
            yield f"{value} is no code of ours"
        if meanings and item.get("CodeMeaning") not in meanings:
            yield f"the meaning of {scheme} {value} is not that of the standard"


def _image_rules(dataset: Dataset) -> Iterator[str]:
    if dataset.SOPClassUID not in PHOTOGRAPH_CLASSES:
        return
    if dataset.get("ICCProfile") != srgb_profile():
        yield "the ICC profile is not our sRGB"
    if dataset.get("BurnedInAnnotation", "NO") != "NO":
        yield "Burned In Annotation is not NO"
    if list(dataset.get("ImageType", [])[:2]) != ["DERIVED", "PRIMARY"]:
        yield "Image Type is not DERIVED\\PRIMARY"
    frame = get_frame(dataset.PixelData, 0, number_of_frames=1)
    yield from _lossy_rules(dataset, len(frame))
    if TRANSFER_SYNTAXES[dataset.file_meta.TransferSyntaxUID].codec == "jpeg":
        for marker in _jpeg_segments(frame):
            if (0xE0 <= marker <= 0xEF and marker not in HARMLESS_JPEG_SEGMENTS) or marker == 0xFE:
                yield f"the frame carries a JPEG segment 0x{marker:02X}"


def _lossy_rules(dataset: Dataset, encoded: int) -> Iterator[str]:
    """PS3.3 C.7.6.1.1.5: once lossy, always lossy; one ratio and one method for each step."""
    ratios, methods = _values(dataset, "LossyImageCompressionRatio"), _values(dataset, "LossyImageCompressionMethod")
    lossy = dataset.get("LossyImageCompression")
    method = TRANSFER_SYNTAXES[dataset.file_meta.TransferSyntaxUID].lossy_method
    if lossy not in {"00", "01"}:
        yield "Lossy Image Compression is neither 00 nor 01"
    if len(ratios) != len(methods):
        yield "there are not as many lossy ratios as methods"
    if lossy == "00" and (ratios or method):
        yield "Lossy Image Compression is 00 after a lossy compression"
    if any(float(ratio) <= 0 for ratio in ratios):
        yield "a lossy ratio is not a positive number"
    if method is not None:
        actual = dataset.Rows * dataset.Columns * dataset.SamplesPerPixel / encoded
        if not methods or methods[-1] != method:
            yield "the last lossy method is not that of the transfer syntax"
        elif not ratios or abs(float(ratios[-1]) - actual) > RATIO_TOLERANCE * actual:
            yield "the last lossy ratio is not that of the frame"


def _items(dataset: Dataset) -> Iterator[Dataset]:
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                yield item
                yield from _items(item)


def _values(dataset: Dataset, keyword: str) -> list[str]:
    if not dataset.get(keyword):
        return []
    value = dataset[keyword].value
    return [str(value)] if dataset[keyword].VM == 1 else [str(part) for part in value]


def _jpeg_segments(frame: bytes) -> Iterator[int]:
    """Markers of the segments before the first scan (ITU-T T.81 B.1.1)."""
    at = 2
    while at + 4 <= len(frame) and frame[at] == 0xFF and frame[at + 1] != 0xDA:
        yield frame[at + 1]
        at += 2 + int.from_bytes(frame[at + 2 : at + 4], "big")


@lru_cache(maxsize=1)
def _public_meanings() -> dict[tuple[str, str], set[str]]:
    """(scheme, value) to the meanings that PS3.16 gives it, as pydicom ships them: some codes have several."""
    meanings: dict[tuple[str, str], set[str]] = {}
    for scheme in ("DCM", "SCT"):
        by_name = cast("dict[str, dict[str, tuple[str, list[int]]]]", concepts[scheme])
        for entries in by_name.values():
            for value, (meaning, _) in entries.items():
                meanings.setdefault((scheme, value), set()).add(meaning)
    return meanings


RULES: tuple[Callable[[Dataset], Iterator[str]], ...] = (
    _file_meta_agrees,
    _groups_that_never_leave,
    _says_what_was_done,
    _no_clock,
    _code_meanings,
    _image_rules,
)
"""Each yields what it finds wrong with an outgoing object."""
