"""What a real Storage SCP does, as a courier is told of it: nothing came through, or this object was not taken."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydicom.uid import JPEGBaseline8Bit, VLPhotographicImageStorage
from pynetdicom import AE, evt

from dicom_io.sending import Destination
from plugin.delivery import ArchiveCarrier, NotTaken
from tests.plugin.fakes import photograph, save

STUDY = "1.2.826.0.1.3680043.8.498.98"


@contextmanager
def archive(answer: Callable[[evt.Event], int], *, title: str = "ARCHIVE") -> Iterator[ArchiveCarrier]:
    """A carrier to an SCP that answers each store so, and that wants to be called ``title``."""
    entity = AE(ae_title=title)
    entity.require_called_aet = True
    entity.add_supported_context(VLPhotographicImageStorage, JPEGBaseline8Bit)
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, answer)])
    try:
        yield ArchiveCarrier(Destination("archive", "127.0.0.1", server.server_address[1], "ARCHIVE"))
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    return [save(photograph(STUDY, number=number), tmp_path) for number in (1, 2, 3)]


def carried(carrier: ArchiveCarrier, paths: list[Path]) -> list[int]:
    """Numbers of what was stored, in their order."""
    stored: list[int] = []
    carrier.carry(paths, (), stored.append)
    return stored


def test_each_object_is_told_of_as_soon_as_it_is_there(paths: list[Path]) -> None:
    had: list[int] = []
    stored: list[int] = []

    def answer(event: evt.Event) -> int:
        had.append(len(stored))
        return 0

    with archive(answer) as carrier:
        carrier.carry(paths, (), stored.append)
    assert stored == [0, 1, 2]
    assert had == [0, 1, 2], "the first was told of before the second was sent"


@pytest.mark.parametrize("status", [0xC000, 0xA700, 0x0122])
def test_an_object_that_is_not_taken_was_tried_and_those_before_it_are_told_of(paths: list[Path], status: int) -> None:
    second = paths[1].stem
    stored: list[int] = []

    def answer(event: evt.Event) -> int:
        return status if event.request.AffectedSOPInstanceUID == second else 0

    with archive(answer) as carrier, pytest.raises(NotTaken) as refusal:
        carrier.carry(paths, (), stored.append)
    assert (stored, refusal.value.tried) == ([0], True)
    assert f"0x{status:04X}" in refusal.value.reason


def test_an_association_that_breaks_over_an_object_was_a_try_of_that_object(paths: list[Path]) -> None:
    def answer(event: evt.Event) -> int:
        if event.request.AffectedSOPInstanceUID == paths[1].stem:
            event.assoc.abort()
        return 0

    stored: list[int] = []
    with archive(answer) as carrier, pytest.raises(NotTaken) as refusal:
        carrier.carry(paths, (), stored.append)
    assert (stored, refusal.value.tried) == ([0], True)


def test_where_nobody_answers_nothing_was_tried(paths: list[Path]) -> None:
    with archive(lambda event: 0) as carrier:
        pass
    with pytest.raises(NotTaken) as refusal:
        carried(carrier, paths)
    assert not refusal.value.tried


def test_a_rejected_association_leads_to_no_store(paths: list[Path]) -> None:
    with archive(lambda event: 0, title="ANOTHER") as carrier, pytest.raises(NotTaken, match="rejected"):
        carried(carrier, paths)


def test_what_the_archive_had_to_say_of_an_object_is_told_with_it(paths: list[Path]) -> None:
    told: list[tuple[int, str]] = []

    def stored(number: int, remark: str = "") -> None:
        told.append((number, remark))

    def answer(event: evt.Event) -> int:
        return 0xB000 if event.request.AffectedSOPInstanceUID == paths[1].stem else 0

    with archive(answer) as carrier:
        carrier.carry(paths, (), stored)
    assert told == [(0, ""), (1, "0xB000: Stored, but data elements were coerced"), (2, "")]
