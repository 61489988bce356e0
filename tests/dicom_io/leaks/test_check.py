"""The last look: each rule fires on an object that breaks it, and on none that does not."""

from __future__ import annotations

import io
from collections.abc import Callable, Collection
from pathlib import Path

import pytest
from PIL import Image
from pydicom import Dataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence

from dicom_io.errors import InvalidObject, LeakFound, LeakSuspected
from dicom_io.leaks import check_outgoing
from dicom_io.leaks.identifiers import Suspected
from dicom_io.reading import srgb_profile
from tests.dicom_io.builders import clean_header, code, skin, write
from tests.dicom_io.writing.test_derived import derive
from tests.dicom_io.writing.test_segmentation import segment


class Nothing:
    """A source without identifiers."""

    def found_in(self, blob: bytes, own_texts: Collection[str] = ()) -> list[str]:
        return []


class One:
    """A source with a single identifying value."""

    def __init__(self, name: str, value: bytes) -> None:
        self.name, self.value = name, value

    def found_in(self, blob: bytes, own_texts: Collection[str] = ()) -> list[str]:
        return [self.name] if self.value in blob else []


@pytest.mark.parametrize("lossless", [True, False])
def test_what_we_write_may_leave(tmp_path: Path, lossless: bool) -> None:
    image = derive(clean_header(), lossless=lossless)
    for dataset in (image, derive(clean_header(), role="healthy-twin", sick_twin=image), *segment(image)):
        check_outgoing(write(dataset, tmp_path / "outgoing.dcm"), Nothing())


class Chance(One):
    """A source with a value that may stand anywhere."""

    def found_in(self, blob: bytes, own_texts: Collection[str] = ()) -> list[str]:
        return [Suspected(where) for where in super().found_in(blob)]


def test_what_may_be_chance_waits_for_a_reviewers_word_and_what_is_a_leak_has_none(tmp_path: Path) -> None:
    image = derive(clean_header())
    image.SeriesDescription = "abcdefgh"
    path = write(image, tmp_path / "outgoing.dcm")
    with pytest.raises(LeakSuspected, match="private") as found:
        check_outgoing(path, Chance("(0019,1001) private", b"abcdefgh"))
    assert "abcdefgh" not in str(found.value)
    check_outgoing(path, Chance("(0019,1001) private", b"abcdefgh"), vouched=True)
    with pytest.raises(LeakFound):
        check_outgoing(path, One("(0010,0020) PatientID", b"abcdefgh"), vouched=True)


def test_a_leak_is_named_by_its_tag_and_never_quoted(tmp_path: Path) -> None:
    image = derive(clean_header())
    image.SeriesDescription = "Ödegård"
    with pytest.raises(LeakFound) as found:
        check_outgoing(
            write(image, tmp_path / "outgoing.dcm"), One("(0010,0010) Patient's Name", "Ödegård".encode())
        )
    assert found.value.tags == ("(0010,0010) Patient's Name",)
    assert "Ödegård" not in str(found.value)


def private_group(image: Dataset) -> None:
    image.add_new(0x00091001, "LO", "anything")


def overlay(image: Dataset) -> None:
    image.add_new(0x60000022, "LO", "anything")


def identity_not_removed(image: Dataset) -> None:
    image.PatientIdentityRemoved = "NO"


def no_profile_claimed(image: Dataset) -> None:
    del image.DeidentificationMethodCodeSequence


def claim_without_proof(image: Dataset) -> None:
    del image.RecognizableVisualFeatures


def time_of_processing(image: Dataset) -> None:
    image.InstanceCreationDate = "20260101"


def wrong_meaning(image: Dataset) -> None:
    image.DerivationCodeSequence = Sequence([code("113047", "DCM", "Face removal")])


def nested_wrong_meaning(image: Dataset) -> None:
    image.ContributingEquipmentSequence[0].PurposeOfReferenceCodeSequence[0].CodeMeaning = "Camera"


def unknown_private_code(image: Dataset) -> None:
    image.DerivationCodeSequence = Sequence([code("SOMETHING", "99TWINVEIL", "Something")])


def foreign_profile(image: Dataset) -> None:
    image.ICCProfile = srgb_profile()[:-2] + b"\x01\x01"


def burned_in(image: Dataset) -> None:
    image.BurnedInAnnotation = "YES"


def original(image: Dataset) -> None:
    image.ImageType = ["ORIGINAL", "PRIMARY"]


def forgotten_loss(image: Dataset) -> None:
    image.LossyImageCompression = "00"


def wrong_ratio(image: Dataset) -> None:
    image.LossyImageCompressionRatio = "2.5"


def wrong_method(image: Dataset) -> None:
    image.LossyImageCompressionMethod = "ISO_15444_1"


def ratio_without_method(image: Dataset) -> None:
    image.LossyImageCompressionRatio = ["9", str(image.LossyImageCompressionRatio)]


def exif_in_the_frame(image: Dataset) -> None:
    exif = Image.Exif()
    exif[0x010F] = "Lensworks"
    frame = io.BytesIO()
    Image.fromarray(skin()).save(frame, "JPEG", quality=95, subsampling="4:2:2", exif=exif)
    image.PixelData = encapsulate([frame.getvalue()])


def comment_in_the_frame(image: Dataset) -> None:
    frame = io.BytesIO()
    Image.fromarray(skin()).save(frame, "JPEG", quality=95, subsampling="4:2:2", comment=b"ward 7")
    image.PixelData = encapsulate([frame.getvalue()])


BREAKS: list[tuple[Callable[[Dataset], None], str]] = [
    (private_group, "private attribute"),
    (overlay, "overlay"),
    (identity_not_removed, "Patient Identity Removed"),
    (no_profile_claimed, "basic profile"),
    (claim_without_proof, "113102 is claimed"),
    (time_of_processing, "InstanceCreationDate"),
    (wrong_meaning, "meaning of DCM 113047"),
    (nested_wrong_meaning, "meaning of DCM 109104"),
    (unknown_private_code, "no code of ours"),
    (foreign_profile, "ICC profile"),
    (burned_in, "Burned In Annotation"),
    (original, "Image Type"),
    (forgotten_loss, "00 after a lossy compression"),
    (wrong_ratio, "not that of the frame"),
    (wrong_method, "not that of the transfer syntax"),
    (ratio_without_method, "as many lossy ratios as methods"),
    (exif_in_the_frame, "JPEG segment 0xE1"),
    (comment_in_the_frame, "JPEG segment 0xFE"),
]


@pytest.mark.parametrize(("change", "complaint"), BREAKS, ids=[change.__name__ for change, _ in BREAKS])
def test_every_rule_fires(tmp_path: Path, change: Callable[[Dataset], None], complaint: str) -> None:
    image = derive(clean_header(), lossless=False)
    change(image)
    with pytest.raises(InvalidObject, match=complaint):
        check_outgoing(write(image, tmp_path / "outgoing.dcm"), Nothing())


def test_a_preamble_is_no_place_to_hide(tmp_path: Path) -> None:
    path = write(derive(clean_header()), tmp_path / "outgoing.dcm")
    path.write_bytes(b"MM\x00*" + path.read_bytes()[4:])
    with pytest.raises(InvalidObject, match="preamble"):
        check_outgoing(path, Nothing())


def test_a_damaged_object_does_not_leave(tmp_path: Path) -> None:
    path = write(derive(clean_header()), tmp_path / "outgoing.dcm")
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(InvalidObject):
        check_outgoing(path, Nothing())


def test_our_profile_is_the_same_every_day() -> None:
    assert srgb_profile()[24:36] == bytes.fromhex("07d000010001000000000000")
    Image.open(io.BytesIO(_png_with(srgb_profile())))


def _png_with(profile: bytes) -> bytes:
    png = io.BytesIO()
    Image.fromarray(skin()).save(png, "PNG", icc_profile=profile)
    return png.getvalue()
