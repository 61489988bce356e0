"""Whatever stands in an attribute that is repeated: it is kept, mended or left out, and the object is valid."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom import Dataset
from pydicom.uid import (
    DermoscopicPhotographyImageStorage,
    SecondaryCaptureImageStorage,
    VLPhotographicImageStorage,
)

from dicom_io.header import SourceIdentity
from dicom_io.quiet import quiet
from dicom_io.writing import TAKEN_OVER, derived_image, segmentations
from dicom_io.writing.taken_over import ACQUISITION, CAMERA, OTHERS
from tests.dicom_io.builders import ALGORITHM, PlainUids, photograph, rich_header, skin
from tests.dicom_io.odd_values import with_odd_values
from tests.dicom_io.profile_sources import profile
from tests.dicom_io.writing.test_derived import errors_of_dciodvfy
from tests.peers import require_peer

OTHER_ATTRIBUTES = (
    "ContentDate", "ContentTime", "LossyImageCompression", "LossyImageCompressionMethod", "SeriesNumber", "WhitePoint",
    "ExposureTimeInSeconds", "PrimaryChromaticities", "PhotographicSensitivity", "SubjectArea", "SubjectLocation",
    "FlashEnergy", "OECFRows", "OECFValues",
)  # fmt: skip
ATTRIBUTES = sorted({*TAKEN_OVER, *ACQUISITION, *OTHERS, *CAMERA, *OTHER_ATTRIBUTES} - {"PatientName", "PatientID"})
OPTIONS = (
    (), ("retain_patient_characteristics", "retain_longitudinal_full_dates", "retain_device_identity",
         "clean_descriptors", "retain_uids", "retain_institution_identity", "clean_structured_content"),
)  # fmt: skip
PAIRS = (
    (VLPhotographicImageStorage, OPTIONS[0]), (DermoscopicPhotographyImageStorage, OPTIONS[1]),
    (SecondaryCaptureImageStorage, OPTIONS[0]),
    *(pytest.param(sop_class, options, marks=pytest.mark.many) for sop_class, options in (
        (VLPhotographicImageStorage, OPTIONS[1]), (DermoscopicPhotographyImageStorage, OPTIONS[0]),
        (SecondaryCaptureImageStorage, OPTIONS[1]),
    )),
)  # fmt: skip
"""Each class and each choice of options at every run; the other pairs by `make fuzz`."""
GRID = np.zeros((32, 32), np.float32)


def source(sop_class: str) -> Dataset:
    header = rich_header(sop_class)
    header.SOPInstanceUID, header.StudyInstanceUID, header.SeriesInstanceUID = (
        f"1.2.826.0.1.3680043.10.9999.5.{number}" for number in (1, 2, 3)
    )
    return photograph(header, skin(32, 32))


def made_of(blob: bytes, options: tuple[str, ...]) -> tuple[bytes, Dataset]:
    """The sick twin of the file ``blob``, written and as it is."""
    with quiet():
        header = pydicom.dcmread(io.BytesIO(blob), stop_before_pixels=True)
        uid = SourceIdentity.of(header).instance
        twin = derived_image(
            profile(*options).apply(header), skin(32, 32), role="sick-twin", source_sop_instance_uid=uid,
            pseudonyms=PlainUids(), features_cleaned=True, text_cleaned=True, algorithm=ALGORITHM,
            options=frozenset(options),
        )  # fmt: skip
        buffer = io.BytesIO()
        twin.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue(), twin


@pytest.mark.peers
@pytest.mark.slow
@pytest.mark.parametrize(("sop_class", "options"), PAIRS)
def test_no_odd_value_stops_a_photograph_or_breaks_what_is_made_of_it(
    tmp_path: Path, sop_class: str, options: tuple[str, ...]
) -> None:
    require_peer("dciodvfy")
    inputs = 0
    distinct: dict[bytes, tuple[str, Dataset]] = {}
    for keyword in ATTRIBUTES:
        before = inputs
        for blob in with_odd_values(source(sop_class), keyword):
            inputs += 1
            encoded, twin = made_of(blob, options)
            distinct.setdefault(encoded, (keyword, twin))
        assert inputs - before >= 12
    assert inputs > 1000
    written: list[tuple[str, Path]] = []
    for number, (encoded, (keyword, twin)) in enumerate(distinct.items()):
        written.append((keyword, tmp_path / f"{number}.dcm"))
        written[-1][1].write_bytes(encoded)
        if keyword not in ACQUISITION:
            segments = segmentations(
                twin, GRID, GRID > 0, "erythema", source_sop_instance_uid="1.2.3", pseudonyms=PlainUids(),
                algorithm=ALGORITHM,
            )  # fmt: skip
            written.append((keyword, tmp_path / f"{number}-segmentation.dcm"))
            segments[0].save_as(written[-1][1], enforce_file_format=True)
    with ThreadPoolExecutor() as pool:
        found = list(pool.map(errors_of_dciodvfy, [path for _, path in written]))
    assert [(keyword, errors) for (keyword, _), errors in zip(written, found, strict=True) if errors] == []
    assert len(distinct) > 20
