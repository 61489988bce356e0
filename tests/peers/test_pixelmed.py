"""PixelMed asks and sends, takes what the node delivers, and reads in it what was written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom import Dataset
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEGBaseline8Bit

from dicom_io.receiving import AllowedCaller, Listener, Spool, StoredInstance
from dicom_io.sending import Destination, Kind, deliver, negotiate
from dicom_io.standard import PHOTOGRAPH_CLASSES
from dicom_io.writing import kinds_that_leave
from tests.dicom_io.builders import clean_header, photograph, rich_header, write
from tests.dicom_io.conftest import SETTINGS
from tests.dicom_io.writing.test_derived import derive
from tests.dicom_io.writing.test_segmentation import segment
from tests.peers.pixelmed import AE_TITLE, as_read, echo, pixelmed_archive, store
from tests.peers.processes import LOOPBACK, PATIENCE

pytestmark = [pytest.mark.peers, pytest.mark.slow]


@pytest.fixture
def stored() -> list[StoredInstance]:
    """What the listener has accepted."""
    return []


@pytest.fixture
def listener(tmp_path: Path, stored: list[StoredInstance]) -> Iterator[Listener]:
    settings = replace(SETTINGS, allowed=(AllowedCaller(AE_TITLE, LOOPBACK),))
    listener = Listener(settings, Spool(tmp_path / "spool", min_free_bytes=0), stored.append)
    listener.start()
    yield listener
    listener.stop(0)


def values(dataset: Dataset) -> dict[str, Any]:
    """Every value of a data set as PS3.18 annex F writes it, by tag; none of the file meta information.

    Spaces that pad a text to an even length count for nothing (PS3.5 6.2), nor does whether pixels are OB or OW.
    """
    elements = {tag: element for tag, element in dataset.to_json_dict().items() if not tag.startswith("0002")}
    elements["7FE00010"].pop("vr")
    unpadded: dict[str, Any] = _unpadded(elements)
    return unpadded


def _unpadded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _unpadded(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_unpadded(each) for each in value]
    return value.rstrip(" ") if isinstance(value, str) else value


def test_its_echo_is_answered_for_who_is_listed_alone(listener: Listener) -> None:
    assert echo(listener.port)
    assert not echo(listener.port, calling="STRANGER")
    assert not echo(listener.port, called="SOMEBODY")


@pytest.mark.parametrize(
    ("syntax", "travels_as"),
    [
        (ImplicitVRLittleEndian, ExplicitVRLittleEndian),  # it proposes both, and the listener prefers this
        (ExplicitVRLittleEndian, ExplicitVRLittleEndian),
        (JPEGBaseline8Bit, JPEGBaseline8Bit),
    ],
    ids=["implicit", "explicit", "JPEG"],
)
def test_what_it_sends_is_taken_as_it_is(
    syntax: UID, travels_as: UID, tmp_path: Path, listener: Listener, stored: list[StoredInstance]
) -> None:
    sent = photograph(rich_header(), transfer_syntax=syntax)
    store(write(sent, tmp_path / "photograph.dcm"), listener.port)
    (instance,) = stored
    arrived = pydicom.dcmread(instance.path)
    assert arrived.file_meta.TransferSyntaxUID == travels_as
    assert values(arrived) == values(pydicom.dcmread(tmp_path / "photograph.dcm"))


@pytest.mark.parametrize("lossless", [True, False], ids=["JPEG 2000", "JPEG"])
def test_it_takes_all_that_is_delivered_and_reads_in_it_what_was_written(tmp_path: Path, lossless: bool) -> None:
    objects: list[Dataset] = []
    for number, sop_class in enumerate(PHOTOGRAPH_CLASSES):
        image = derive(clean_header(sop_class), lossless=lossless, source_sop_instance_uid=f"1.2.3.{number}")
        objects += [image, *segment(image, source_sop_instance_uid=f"1.2.3.{number}")]
    paths = {str(one.SOPInstanceUID): write(one, tmp_path / f"{number}.dcm") for number, one in enumerate(objects)}
    with pixelmed_archive(tmp_path / "pixelmed") as archive:
        destination = Destination(
            "archive", LOOPBACK, archive.port, archive.ae_title, acse_timeout=PATIENCE, dimse_timeout=PATIENCE
        )
        found = negotiate(destination, [Kind(*kind) for kind in kinds_that_leave(lossless=lossless)])
        assert (found.refused, found.verification) == ((), True)
        assert deliver(list(paths.values()), destination) == ()
        arrived = archive.files()
    assert arrived.keys() == paths.keys()
    for uid, path in paths.items():
        assert values(pydicom.dcmread(arrived[uid])) == values(pydicom.dcmread(path))
    for mask in list(paths)[1:3]:  # its JSON has no place for compressed frames, so the two kinds of segmentation alone
        assert values(as_read(arrived[mask], tmp_path)) == values(pydicom.dcmread(paths[mask]))
