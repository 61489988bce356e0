"""What a destination is asked about beforehand is what is written."""

from __future__ import annotations

import pytest

from dicom_io.standard import PHOTOGRAPH_CLASSES
from dicom_io.writing import kinds_that_leave
from tests.dicom_io.builders import clean_header
from tests.dicom_io.writing.test_derived import derive
from tests.dicom_io.writing.test_segmentation import segment


@pytest.mark.parametrize("lossless", [True, False])
def test_no_object_is_of_another_kind_and_no_kind_is_never_written(lossless: bool) -> None:
    written = set()
    for sop_class in PHOTOGRAPH_CLASSES:
        image = derive(clean_header(sop_class), lossless=lossless)
        written |= {(one.SOPClassUID, one.file_meta.TransferSyntaxUID) for one in (image, *segment(image))}
    assert written == set(kinds_that_leave(lossless=lossless))
