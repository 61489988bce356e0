"""The sample studies are what the README and the other tests take them for."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import ExifTags, Image
from pydicom.encaps import get_frame
from pydicom.uid import (
    JPEG2000,
    DermoscopicPhotographyImageStorage,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    VLPhotographicImageStorage,
)

from dicom_io.reading import read_photograph
from sample_data.patients import VISITS
from tests.peers.dcmtk import dciodvfy_errors
from tests.peers.planted import Search, read_planted

LARGEST = 15 * 2**20
"""Bytes of all samples together."""


@pytest.fixture(scope="module")
def files(sample_studies: Path) -> dict[str, Path]:
    return {visit.folder: sample_studies / visit.folder / "photograph.dcm" for visit in VISITS}


def test_every_visit_is_there_and_nothing_else(files: dict[str, Path], sample_studies: Path) -> None:
    assert set(sample_studies.glob("*/*.dcm")) == set(files.values())
    assert sum(path.stat().st_size for path in sample_studies.rglob("*") if path.is_file()) < LARGEST


def test_the_samples_span_skin_types_lesions_classes_and_syntaxes() -> None:
    assert {visit.skin_type for visit in VISITS if visit.view == "face"} == {"I", "II", "III", "IV", "V", "VI"}
    assert {visit.lesion for visit in VISITS} == {"erythema", "papules", "plaque", "naevus", "vitiligo"}
    assert {visit.view for visit in VISITS} == {"face", "close-up", "dermoscopy"}
    assert {visit.sop_class for visit in VISITS} == {VLPhotographicImageStorage, DermoscopicPhotographyImageStorage}
    assert {visit.transfer_syntax for visit in VISITS} == {
        JPEGBaseline8Bit, JPEG2000, JPEG2000Lossless, ExplicitVRLittleEndian,
    }  # fmt: skip


def test_their_headers_give_the_hints_that_were_meant(files: dict[str, Path]) -> None:
    for visit in VISITS:
        photograph = read_photograph(files[visit.folder])
        hints = photograph.hints
        assert photograph.rgb.shape == (640, 512, 3)
        assert (hints.view, hints.lesion, hints.skin_type) == (visit.view, visit.lesion, visit.skin_type)
        assert hints.sex == {"F": "female", "M": "male"}[visit.person.sex]
        assert hints.age_years == int(visit.age[:3])


def test_a_date_of_birth_fits_the_age(files: dict[str, Path]) -> None:
    for visit in VISITS:
        born, seen = visit.person.birth_date, visit.study_date
        assert int(seen[:4]) - int(born[:4]) - (seen[4:] < born[4:]) == int(visit.age[:3])


def test_truth_masks_mark_a_lesion(files: dict[str, Path]) -> None:
    for path in files.values():
        truth = np.asarray(Image.open(path.with_name("truth.png")))
        assert truth.shape == (640, 512)
        assert set(np.unique(truth)) == {0, 255}
        assert 0.0005 < (truth > 0).mean() < 0.6


def test_cameras_left_their_traces_in_the_frames(files: dict[str, Path]) -> None:
    with_traces = [visit for visit in VISITS if visit.exif]
    assert with_traces
    for visit in with_traces:
        dataset = pydicom.dcmread(files[visit.folder])
        frame = Image.open(io.BytesIO(get_frame(dataset.PixelData, 0, number_of_frames=1)))
        assert frame.getexif().get_ifd(ExifTags.IFD.GPSInfo)
        assert ExifTags.Base.BodySerialNumber in frame.getexif().get_ifd(ExifTags.IFD.Exif)
        assert frame.info["comment"]


def test_everything_said_to_be_planted_is_really_there(files: dict[str, Path], repository: Path) -> None:
    planted = read_planted(repository / "sample_data")
    search = Search(planted)
    for folder, path in files.items():
        expected = {one for one in planted if one.study == folder}
        assert len(expected) > 50
        missing = {(one.where, one.value) for one in expected - search(path.read_bytes())}
        assert not missing


def test_the_search_knows_when_nothing_is_there(repository: Path) -> None:
    noise = np.random.default_rng(7).integers(0, 256, 2**20, np.uint8).tobytes()
    assert Search(read_planted(repository / "sample_data"))(noise) == set()


@pytest.mark.peers
def test_dciodvfy_finds_no_error_in_the_sources(files: dict[str, Path]) -> None:
    for path in files.values():
        assert dciodvfy_errors(path) == []
