"""As many pictures as there are: counted, refused when undeclared, left behind knowingly when announced."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from pydicom import Dataset
from pydicom.encaps import encapsulate_extended
from pydicom.uid import ExplicitVRLittleEndian, JPEG2000Lossless, JPEGBaseline8Bit, JPEGLSLossless, RLELossless

from dicom_io.errors import UnreadableObject, UnsupportedObject
from dicom_io.reading import Limits, SourcePhotograph, read_photograph
from tests.dicom_io.builders import rle_frame, write
from tests.dicom_io.reading.pictures import (
    JFIF,
    app_segment,
    in_ycbcr,
    jpeg,
    jpeg_2000,
    off,
    painted,
    uncompressed,
    wrapped,
)

CODED = {
    JPEGBaseline8Bit: lambda rgb: jpeg(in_ycbcr(rgb), markers=JFIF),
    JPEGLSLossless: lambda rgb: bytes(imagecodecs.jpegls_encode(rgb)),
    JPEG2000Lossless: lambda rgb: jpeg_2000(rgb, transform=True),
    RLELossless: rle_frame,
}
NAMES = {JPEGBaseline8Bit: "YBR_FULL_422"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "photograph.dcm"


def holding(fragments: Sequence[bytes], transfer_syntax: str = JPEGBaseline8Bit) -> Dataset:
    return wrapped(fragments, transfer_syntax, NAMES.get(transfer_syntax, "RGB"))


def items(*fragments: bytes, table: bytes | None = b"") -> bytes:
    """Encapsulated pixel data (PS3.5 A.4) with the offset ``table`` as it is."""
    parts = ([] if table is None else [table]) + [fragment + bytes(len(fragment) % 2) for fragment in fragments]
    return b"".join(b"\xfe\xff\x00\xe0" + struct.pack("<I", len(part)) + part for part in parts)


def read(dataset: Dataset, path: Path) -> SourcePhotograph:
    return read_photograph(write(dataset, path))


@pytest.mark.parametrize("transfer_syntax", CODED, ids=lambda uid: uid.name)
@pytest.mark.parametrize("declared", [None, "", "0", "1", "1 "])
def test_two_pictures_where_one_is_declared_are_held_and_counted(
    path: Path, transfer_syntax: str, declared: str | None
) -> None:
    frames = [CODED[transfer_syntax](rgb) for rgb in (painted(), painted()[::-1])]
    dataset = holding(frames, transfer_syntax)
    if declared is not None:
        dataset.NumberOfFrames = declared
    with pytest.raises(UnsupportedObject, match="2 pictures, the header says 1"):
        read(dataset, path)
    one = holding(frames[:1], transfer_syntax)
    if declared is not None:
        one.NumberOfFrames = declared
    assert off(read(one, path).rgb) <= 6


@pytest.mark.parametrize("transfer_syntax", [JPEGBaseline8Bit, JPEGLSLossless, JPEG2000Lossless])
def test_two_pictures_in_one_fragment_are_two_pictures(path: Path, transfer_syntax: str) -> None:
    frames = [CODED[transfer_syntax](painted()) for _ in range(3)]
    with pytest.raises(UnsupportedObject, match="3 pictures"):
        read(holding([b"".join(frames)], transfer_syntax), path)
    with pytest.raises(UnsupportedObject, match="2 pictures"):
        read(holding([frames[0] + b"\0\0\0" + frames[1]], transfer_syntax), path)
    with pytest.raises(UnsupportedObject, match="2 pictures"):
        read(holding([frames[0] + b"something else" + frames[1]], transfer_syntax), path)


def test_two_uncompressed_pictures_are_two_and_a_few_bytes_are_none(path: Path) -> None:
    samples = painted().tobytes()
    with pytest.raises(UnsupportedObject, match="2 pictures, the header says 1"):
        read(uncompressed(samples * 2, "RGB"), path)
    assert read(uncompressed(samples + bytes(64), "RGB"), path).left_behind == ()
    followed = read(uncompressed(samples + b"trailing", "RGB"), path)
    assert followed.left_behind == ("8 bytes that are no picture",)
    assert off(followed.rgb) == 0


@pytest.mark.parametrize("transfer_syntax", CODED, ids=lambda uid: uid.name)
def test_one_picture_over_several_fragments_is_one(path: Path, transfer_syntax: str) -> None:
    frame = CODED[transfer_syntax](painted())
    for pieces in (2, 3, 7):
        step = -(-len(frame) // pieces) // 2 * 2 + 2
        fragments = [frame[at : at + step] for at in range(0, len(frame), step)]
        dataset = holding([frame], transfer_syntax)
        for table in (b"", bytes(4)):
            dataset.PixelData = items(*fragments, b"", table=table)
            assert off(read(dataset, path).rgb) <= 6


@pytest.mark.parametrize(
    "table",
    [bytes(8), struct.pack("<II", 0, 4096), struct.pack("<I", 99), struct.pack("<I", 2**32 - 1), b"\0\0", None],
    ids=["two zeros", "two frames", "not zero", "far away", "half an entry", "left out"],
)
def test_a_wrong_offset_table_is_ignored(path: Path, table: bytes | None) -> None:
    dataset = holding([b"\xff\xd8"])
    dataset.PixelData = items(CODED[JPEGBaseline8Bit](painted()), table=table)
    assert off(read(dataset, path).rgb) <= 6


def test_an_extended_offset_table_is_ignored_right_or_wrong(path: Path) -> None:
    frame = CODED[JPEGBaseline8Bit](painted())
    pixels, offsets, lengths = encapsulate_extended([frame])
    for wrong in (0, 7):
        dataset = holding([frame])
        dataset.PixelData = pixels
        dataset.ExtendedOffsetTable = struct.pack("<Q", struct.unpack("<Q", offsets)[0] + wrong)
        dataset.ExtendedOffsetTableLengths = struct.pack("<Q", struct.unpack("<Q", lengths)[0] - wrong)
        assert off(read(dataset, path).rgb) <= 6


def multi_picture(count: int | None, starts: Sequence[int] = ()) -> bytes:
    """An APP2 segment of a multi-picture index: without entries where ``count`` is None (CIPA DC-007)."""
    if count is None:
        return app_segment(2, b"MPF\0II*\0\x08\0\0\0\0\0\0\0\0\0")
    entries = b"".join(struct.pack("<IIIHH", 0, 0, start, 0, 0) for start in (0, *starts))
    directory = struct.pack("<HHHIIHHIII", 2, 0xB001, 4, 1, count, 0xB002, 7, len(entries), 38, 0)
    return app_segment(2, b"MPF\0II*\0\x08\0\0\0" + directory + entries)


def with_index(rgb: np.ndarray, further: bytes, at_fragment: bool = False) -> list[bytes]:
    """A JPEG whose multi-picture index points at ``further``, which follows it."""
    blank = jpeg(in_ycbcr(rgb), markers=multi_picture(2, [0]) + JFIF)
    start = len(blank) + len(blank) % 2 - blank.index(b"MPF\0") - 4
    frame = jpeg(in_ycbcr(rgb), markers=multi_picture(2, [start]) + JFIF)
    frame += bytes(len(frame) % 2)
    return [frame, further] if at_fragment else [frame + further]


def test_announced_pictures_are_left_behind_and_named(path: Path) -> None:
    further = jpeg(in_ycbcr(painted(80, 208)[:, ::-1]), markers=JFIF)
    xmp = b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta><rdf:Description hdrgm:Version='1.0'/></x:xmpmeta>"
    iso = b"urn:iso:std:iso:ts:21496:-1\0\0\0\0\0"
    for fragments, named in (
        ([jpeg(in_ycbcr(painted()), markers=multi_picture(None) + JFIF) + further], "multi-picture"),
        (with_index(painted(), further), "multi-picture"),
        (with_index(painted(), further, at_fragment=True), "multi-picture"),
        ([jpeg(in_ycbcr(painted()), markers=JFIF + app_segment(1, xmp)) + further], "gain map"),
        ([jpeg(in_ycbcr(painted()), markers=JFIF + app_segment(2, iso)) + further], "gain map"),
    ):
        source = read(holding(fragments), path)
        assert off(source.rgb) <= 6
        assert any(named in each for each in source.left_behind), named


def test_more_pictures_than_announced_are_held(path: Path) -> None:
    """And two photographs with an index of their own each are two, not one with a preview."""
    further = jpeg(in_ycbcr(painted(80, 208)), markers=JFIF)
    announced = with_index(painted(), further)[0]
    with pytest.raises(UnsupportedObject, match="2 pictures"):
        read(holding([announced + further]), path)
    indexed = jpeg(in_ycbcr(painted()), markers=multi_picture(None) + JFIF)
    with pytest.raises(UnsupportedObject, match="2 pictures"):
        read(holding([indexed, indexed]), path)


def test_a_video_and_a_trailer_are_left_behind_and_named(path: Path) -> None:
    frame = jpeg(in_ycbcr(painted()), markers=JFIF)
    for tail, named in (
        (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(range(256)) * 4, "a video (motion photo)"),
        (b"MotionPhoto_Data\0\0\0\x18ftypmp42", "a video (motion photo)"),
        (b"\0\0\0\0Image_UTC_Data1600000000000SEFHh\0\0\0SEFT", "a camera maker's trailer"),
        (b"whatever", "8 bytes that are no picture"),
    ):
        source = read(holding([frame + tail]), path)
        assert off(source.rgb) <= 6
        assert source.left_behind == (named,)
    for padding in (b"", b"\0", b"\0\0\0\0", b"\xff", b"\xff\xff\0"):
        assert read(holding([frame + padding]), path).left_behind == ()


@pytest.mark.parametrize("transfer_syntax", CODED, ids=lambda uid: uid.name)
def test_cut_off_pixel_data_is_called_that_wherever_it_was_cut(path: Path, transfer_syntax: str) -> None:
    dataset = holding([b"\xff\xd8"], transfer_syntax)
    dataset.PixelData = items(CODED[transfer_syntax](painted()), table=bytes(4))
    whole = write(dataset, path).read_bytes()
    start = whole.index(b"\xe0\x7f\x10\x00") + 12
    for length in (len(whole) - 8, len(whole) - 9, len(whole) - 20, (start + len(whole)) // 2, start + 30, start + 12):
        path.write_bytes(whole[:length])
        with pytest.raises(UnreadableObject, match="pixel data is cut off"):
            read_photograph(path)
    if transfer_syntax != RLELossless:
        fragment = CODED[transfer_syntax](painted())
        dataset.PixelData = items(fragment[: len(fragment) * 2 // 3 // 2 * 2])
        with pytest.raises(UnreadableObject, match="cut off"):
            read(dataset, path)


def test_uncompressed_pixel_data_that_is_cut_off_says_how_much_is_missing(path: Path) -> None:
    samples = painted().tobytes()
    with pytest.raises(UnreadableObject, match=f"cut off.*{len(samples) // 2} bytes of {len(samples)}"):
        read(uncompressed(samples[: len(samples) // 2], "RGB"), path)
    whole = write(uncompressed(samples, "RGB"), path).read_bytes()
    path.write_bytes(whole[:-1000])
    with pytest.raises(UnreadableObject, match="cut off"):
        read_photograph(path)


def test_a_frame_of_another_codec_than_the_transfer_syntax_says_is_named(path: Path) -> None:
    dataset = wrapped([jpeg_2000(painted(), transform=True)], JPEGBaseline8Bit, "RGB")
    with pytest.raises(UnreadableObject, match="says JPEG, the compressed frame is JPEG 2000"):
        read(dataset, path)
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    with pytest.raises(UnsupportedObject, match="compressed, the transfer syntax says that it is not"):
        read(dataset, path)


def test_a_frame_out_of_nothing_is_refused_before_it_is_decoded(path: Path) -> None:
    black = bytes(imagecodecs.jpeg2k_encode(np.zeros((2000, 2000, 3), np.uint8), codecformat="j2k", level=0))
    assert len(black) < 4000
    larger = black.replace(struct.pack(">II", 2000, 2000), struct.pack(">II", 7000, 7000))
    dataset = wrapped([larger], JPEG2000Lossless, "RGB", (7000, 7000, 3))
    with pytest.raises(UnreadableObject, match=f"7000 x 7000 pixels in {len(larger)} bytes"):
        read(dataset, path)
    dataset = wrapped([black], JPEG2000Lossless, "RGB", (2000, 2000, 3))
    with pytest.raises(UnreadableObject, match="the limit is 1000 pixels a byte"):
        read(dataset, path)
    path.unlink()
    assert read_photograph(write(dataset, path), Limits(max_pixels_per_byte=100_000)).rgb.shape == (2000, 2000, 3)


def test_a_jpeg_of_very_many_scans_is_refused(path: Path) -> None:
    frame = jpeg(in_ycbcr(painted()), markers=JFIF, progressive=True)
    scan = frame.index(b"\xff\xda")
    end = next(at for at in range(scan + 14, len(frame)) if frame[at] == 0xFF and frame[at + 1] not in (0, 0xFF))
    many = frame[:scan] + frame[scan:end] * 150 + frame[end:]
    with pytest.raises(UnreadableObject, match="scans; the limit is 100"):
        read(holding([many]), path)


def test_a_jpeg_without_its_end_marker_is_read_when_all_of_it_is_there(path: Path) -> None:
    for sampling in (0, 2):
        frame = jpeg(in_ycbcr(painted()), sampling=sampling, markers=JFIF)
        for unended in (frame[:-2], frame[:-2] + b"\0\0"):
            assert off(read(holding([unended]), path).rgb) <= 6
        for missing in (40, 400):
            with pytest.raises(UnreadableObject, match="cut off"):
                read(holding([frame[: -2 - missing]]), path)


def test_endless_markers_fragments_and_pictures_take_no_time(path: Path) -> None:
    frame = jpeg(in_ycbcr(painted()), markers=JFIF)
    for fragments, refusal in (
        ([b"\xff\xd8" + b"\xff\xfe\0\x02" * 200_000 + frame[2:]], "more than 100000 markers"),
        ([frame, *[b""] * 200_000], "more than 50000 elements"),  # counted before the file is parsed
        ([frame + frame * 2_000], r"10\d\d pictures"),
        ([frame + b"x" + b"\xff\xd8\xff" * 100_000], "cannot be told from further pictures"),
    ):
        dataset = holding([b"\xff\xd8"])
        dataset.PixelData = items(*fragments)
        with pytest.raises((UnreadableObject, UnsupportedObject), match=refusal):
            read(dataset, path)
