"""A picture under a header of its own: what the reader makes of it, and that it belongs to nobody."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from dicom_io.reading import Sex, SkinType, read_photograph
from dicom_io.writing import wrapped
from dicom_io.writing.picture import View
from tests.dicom_io.builders import skin


@pytest.mark.parametrize("view", get_args(View))
@pytest.mark.parametrize("skin_type", [None, *get_args(SkinType)])
def test_the_header_says_what_was_known(tmp_path: Path, view: View, skin_type: SkinType | None) -> None:
    rgb = skin(33, 35)
    wrapped(rgb, view, skin_type).save_as(tmp_path / "a.dcm", enforce_file_format=True)
    read = read_photograph(tmp_path / "a.dcm")
    assert np.array_equal(read.rgb, rgb)
    assert (read.hints.view, read.hints.skin_type) == (view, skin_type)
    assert (read.hints.sex, read.hints.age_years, read.hints.lesion) == (None, None, None)
    assert not read.header.PatientName


@pytest.mark.parametrize(("sex", "age"), [("female", 7), ("male", 103), (None, 40), ("male", None)])
def test_sex_and_age_are_read_again(tmp_path: Path, sex: Sex | None, age: int | None) -> None:
    wrapped(skin(), "face", None, sex, age).save_as(tmp_path / "a.dcm", enforce_file_format=True)
    hints = read_photograph(tmp_path / "a.dcm").hints
    assert (hints.sex, hints.age_years) == (sex, age)


def test_no_two_are_of_one_study_or_patient() -> None:
    first, second = wrapped(skin(), "face"), wrapped(skin(), "face")
    for keyword in ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "PatientID"):
        assert first[keyword].value != second[keyword].value
