"""What is delivered to a real archive, set up as it comes, is what the archive then has."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom import Dataset
from pydicom.pixels import pixel_array

from dicom_io.sending import Destination, Kind, deliver, negotiate
from dicom_io.standard import PHOTOGRAPH_CLASSES
from dicom_io.writing import kinds_that_leave
from tests.dicom_io.builders import clean_header, write
from tests.dicom_io.writing.test_derived import derive
from tests.dicom_io.writing.test_segmentation import segment
from tests.peers.orthanc import orthanc
from tests.peers.processes import LOOPBACK, patience

pytestmark = pytest.mark.peers


@pytest.mark.parametrize("lossless", [True, False], ids=["JPEG 2000", "JPEG"])
def test_orthanc_has_all_that_was_sent_of_every_class(tmp_path: Path, lossless: bool) -> None:
    objects: list[Dataset] = []
    for number, sop_class in enumerate(PHOTOGRAPH_CLASSES):
        image = derive(clean_header(sop_class), lossless=lossless, source_sop_instance_uid=f"1.2.3.{number}")
        objects += [image, *segment(image, source_sop_instance_uid=f"1.2.3.{number}")]
    paths = [write(one, tmp_path / f"{number}.dcm") for number, one in enumerate(objects)]
    with orthanc(tmp_path / "orthanc") as archive:
        destination = Destination(
            "archive", LOOPBACK, archive.dicom_port, archive.ae_title, acse_timeout=patience(), dimse_timeout=patience()
        )
        found = negotiate(destination, [Kind(*kind) for kind in kinds_that_leave(lossless=lossless)])
        assert found.refused == ()
        assert deliver(paths, destination) == ()
        assert deliver(paths, destination, sent_before={str(one.SOPInstanceUID) for one in objects}) is not None
        stored = [pydicom.dcmread(io.BytesIO(archive.file(instance))) for instance in archive.instances()]
    arrived = {str(dataset.SOPInstanceUID): dataset for dataset in stored}
    assert arrived.keys() == {str(one.SOPInstanceUID) for one in objects}
    for path in paths:
        sent = pydicom.dcmread(path)
        assert np.array_equal(pixel_array(arrived[str(sent.SOPInstanceUID)]), pixel_array(sent))
