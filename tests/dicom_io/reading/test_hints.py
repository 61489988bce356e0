"""What the header tells of a photograph, and what it does not."""

from __future__ import annotations

import pytest
from pydicom import Dataset
from pydicom.uid import DermoscopicPhotographyImageStorage

from dicom_io.reading.hints import CLOSE_UP_CODES, FACE_CODES, LESIONS, SourceHints, read_hints
from dicom_io.writing import codes
from tests.dicom_io.builders import code, minimal_header, rich_header

DIHEDRAL = [
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
    "5987604321", "6598710432", "7659821043", "8765932104", "9876543210",
]  # fmt: skip
PERMUTATION = [
    "0123456789", "1576283094", "5803796142", "8916043527",
    "9453126870", "4286573901", "2793806415", "7046913258",
]  # fmt: skip


def has_check_digit(sctid: str) -> bool:
    """Verhoeff's check digit, the last of every SNOMED CT identifier."""
    total = 0
    for position, digit in enumerate(reversed(sctid)):
        total = int(DIHEDRAL[total][int(PERMUTATION[position % 8][int(digit)])])
    return total == 0


def test_no_snomed_code_is_mistyped() -> None:
    written = {concept.value for concept in codes.CONCEPTS.values() if concept.scheme == "SCT"}
    assert [sctid for sctid in {*FACE_CODES, *CLOSE_UP_CODES, *LESIONS, *written} if not has_check_digit(sctid)] == []
    assert not has_check_digit("247441004")


def test_no_site_is_both_a_face_and_a_close_up() -> None:
    assert not FACE_CODES & CLOSE_UP_CODES


def test_a_full_header_tells_all_but_the_skin_type() -> None:
    assert read_hints(rich_header()) == SourceHints("face", "female", 41, None, "erythema")


def test_an_empty_header_tells_nothing() -> None:
    assert read_hints(Dataset()) == SourceHints()


@pytest.mark.parametrize(
    ("term", "sct", "view"),
    [
        ("FACE", None, "face"),
        ("FOREARM", None, "close-up"),
        ("UPPER ARM", None, "close-up"),
        (None, "36141000", "face"),
        (None, "14975008", "close-up"),
        ("HAND", "36141000", "face"),
        ("HAND", "999999", None),
        ("SOMEWHERE", "14975008", None),
        ("SOMEWHERE", None, None),
        (None, None, None),
    ],
)
def test_a_face_anywhere_outweighs_the_rest_and_doubt_is_none(term: str | None, sct: str | None, view: str) -> None:
    header = minimal_header()
    if term is not None:
        header.BodyPartExamined = term
    if sct is not None:
        header.AnatomicRegionSequence = [code(sct, "SCT", "Somewhere")]
    assert read_hints(header).view == view


def test_a_disease_of_the_face_on_a_forearm_is_a_contradiction_and_no_close_up() -> None:
    header = minimal_header()
    header.BodyPartExamined = "FOREARM"
    header.AdmittingDiagnosesCodeSequence = [code("9014002", "SCT", "Psoriasis")]
    assert read_hints(header).view == "close-up"
    header.AdmittingDiagnosesCodeSequence = [code("398909004", "SCT", "Rosacea")]
    assert read_hints(header).view is None
    header.BodyPartExamined = "CHEEK"
    assert read_hints(header).view == "face"


def test_a_dermoscopic_photograph_is_dermoscopy() -> None:
    assert read_hints(rich_header(DermoscopicPhotographyImageStorage)).view == "dermoscopy"


@pytest.mark.parametrize(
    ("stated", "born", "years"),
    [
        ("041Y", "", 41),
        ("018M", "", 1),
        ("020D", "", 0),
        ("", "19790317", 41),
        ("", "19790612", 40),
        ("", "20250101", None),
        ("999Y", "19790317", None),
        ("", "", None),
    ],
)
def test_age_is_stated_or_reckoned(stated: str, born: str, years: int | None) -> None:
    header = minimal_header()
    header.PatientAge, header.PatientBirthDate, header.StudyDate = stated, born, "20200611"
    assert read_hints(header).age_years == years


def test_the_skin_type_is_an_acquisition_context() -> None:
    header, context = minimal_header(), Dataset()
    context.ConceptCodeSequence = [code("C74573", "NCIt", "Fitzpatrick Skin Type V")]
    header.AcquisitionContextSequence = [context]
    assert read_hints(header).skin_type == "V"


def test_hints_do_not_show_in_a_log() -> None:
    assert "female" not in repr(read_hints(rich_header()))
