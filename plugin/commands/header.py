"""``twinveil header`` and ``twinveil process --explain``: the confidentiality profile alone, to inspect."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pydicom
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from dicom_io.element_bounds import check_file
from dicom_io.errors import DicomError, LeakFound, UnreadableObject, in_words
from dicom_io.header import ConfidentialityProfile, Decision
from dicom_io.leaks import Identifiers, leave_out_namesakes
from dicom_io.quiet import quiet
from dicom_io.writing import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from plugin.durable import write_file
from plugin.study import refusal_of


@dataclass(frozen=True)
class CleanedHeader:
    """``written``: the new file, or None where ``refusal`` says why there is none."""

    file: Path
    written: Path | None
    refusal: str = ""


def clean_headers(files: Sequence[Path], out: Path, profile: ConfidentialityProfile) -> Iterator[CleanedHeader]:
    """Each of ``files`` as ``out/<StudyInstanceUID>/<SOPInstanceUID>.dcm``, without pixel data, checked like a twin."""
    for file in files:
        try:
            yield CleanedHeader(file, _clean_header(file, out, profile))
        except DicomError as error:
            yield CleanedHeader(file, None, told(error))


def told(error: DicomError) -> str:
    """A refusal in one line, with what can be done about it."""
    why = refusal_of("header", error)
    return f"{why.error}: {why.reason}. {why.advice}"


def explain(file: Path, profile: ConfidentialityProfile) -> list[Decision]:
    """What the profile does with each attribute of ``file``. Raises ``DicomError``."""
    return profile.explain(read_header(file))


def read_header(file: Path) -> Dataset:
    """The data set in ``file`` without pixel data. Raises ``UnreadableObject``."""
    with quiet():
        try:
            check_file(file)
            return pydicom.dcmread(file, stop_before_pixels=True)
        except FileNotFoundError as error:
            raise UnreadableObject("there is no such file") from error
        except DicomError:
            raise
        except Exception as error:  # pydicom raises almost anything on damaged input
            raise UnreadableObject(f"the file is no DICOM file, or damaged: {in_words(error)}") from error


def _clean_header(file: Path, out: Path, profile: ConfidentialityProfile) -> Path:
    source = read_header(file)
    identifiers = Identifiers.under(profile, source, file.read_bytes())
    clean = profile.apply(source)
    leave_out_namesakes(clean, identifiers)
    blob = as_file(clean)
    if leaked := identifiers.found_in(blob):
        raise LeakFound(leaked)
    path = out / str(clean.StudyInstanceUID) / f"{clean.SOPInstanceUID}.dcm"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, blob, mode=0o644)
    return path


def as_file(clean: Dataset) -> bytes:
    """``clean`` as the bytes of a file with file meta of ours. Raises ``UnreadableObject`` where that is impossible."""
    for keyword in ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID"):
        if not clean.get(keyword):
            raise UnreadableObject(f"without {keyword} nothing can be written; the file is damaged or was cut short")
    clean.file_meta = FileMetaDataset()
    clean.file_meta.MediaStorageSOPClassUID = clean.SOPClassUID
    clean.file_meta.MediaStorageSOPInstanceUID = clean.SOPInstanceUID
    clean.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    clean.file_meta.ImplementationClassUID = IMPLEMENTATION_CLASS_UID
    clean.file_meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
    buffer = io.BytesIO()
    with quiet():
        try:
            clean.save_as(buffer, enforce_file_format=True)
        except Exception as error:  # a value that can be read, but not be written again
            raise UnreadableObject(f"the header cannot be written again: {in_words(error)}") from error
    return buffer.getvalue()
