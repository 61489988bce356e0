"""Folders and ZIPs of photographs: what belongs together, what is known of it, what is no photograph."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.albums import photographs_in
from pipeline.errors import UnusablePhotograph
from tests.pipeline.evaluation.photographs.pictures import as_jpeg, disc, packed, skin_with, write_photograph


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "clinic"
    write_photograph(folder, "b.png", disc())
    write_photograph(folder, "a.jpg")
    write_photograph(folder / "below", "c.JPG", disc(), outlined=False)
    (folder / "index.csv").write_text(
        "file,view,skin_type,kind,made_by,sex,age\na.jpg,face,iv,Melanoma,somebody,Female,67\nb,Dermoscopy,,naevus,,,\n"
        "c.JPG,leg,VII,,,unsure,middle\n"
    )
    (folder / "notes.txt").write_text("no photograph")
    return folder


@pytest.mark.parametrize("as_zip", [False, True])
def test_a_zip_holds_what_its_folder_holds(folder: Path, tmp_path: Path, as_zip: bool) -> None:
    source = packed(folder, tmp_path / "clinic.zip") if as_zip else folder
    a, b, c = photographs_in([source])
    assert [each.name for each in (a, b, c)] == ["a", "b", "c"]
    assert (a.view, a.skin_type, a.kind) == ("face", "IV", "melanoma")
    assert (b.view, b.skin_type, b.kind) == ("dermoscopy", None, "naevus"), "a name without its ending will do"
    assert (a.sex, a.age_years) == ("female", 67)
    assert (c.sex, c.age_years) == (None, None)
    assert (c.view, c.skin_type) == ("close-up", None), "words that nobody knows are left alone"
    assert np.array_equal(b.rgb(), skin_with(disc()))
    truth = b.truth(b.rgb().shape)
    assert truth is not None and np.array_equal(truth, disc())
    assert a.truth((96, 128)) is None and c.truth((96, 128)) is None


@pytest.mark.parametrize(
    ("name", "view"),
    [("Dermoscopy 2017", "dermoscopy"), ("people-check", "face"), ("portraits", "face"), ("wounds", "close-up")],
)
def test_where_nobody_says_the_view_the_source_s_name_does(tmp_path: Path, name: str, view: str) -> None:
    write_photograph(tmp_path / name, "a.png")
    assert photographs_in([tmp_path / name])[0].view == view
    assert photographs_in([tmp_path / name], "face")[0].view == "face", "who asks says it first"


def test_one_in_eight_is_held_out_by_its_name_alone(tmp_path: Path) -> None:
    """SHA-256 of "ISIC_0000000" begins with 0, of "ISIC_0000001" with neither."""
    for name in ("ISIC_0000000.jpg", "ISIC_0000001.jpg"):
        write_photograph(tmp_path / "skin", name)
    held, other = photographs_in([tmp_path / "skin"])
    assert held.held_out and not other.held_out


def test_a_camera_s_orientation_is_applied(tmp_path: Path) -> None:
    upright = skin_with(disc(centre=(0.3, 0.3)))
    (tmp_path / "a.jpg").write_bytes(as_jpeg(np.ascontiguousarray(np.rot90(upright)), orientation=6))
    (photograph,) = photographs_in([tmp_path])
    assert photograph.rgb().shape == upright.shape
    assert np.abs(photograph.rgb().astype(int) - upright).mean() < 4


def test_a_mask_of_another_size_is_fitted_and_one_of_another_picture_refused(tmp_path: Path) -> None:
    write_photograph(tmp_path, "a.png", disc())
    half = Image.fromarray(disc().astype(np.uint8) * 255).resize((64, 48))
    half.save(tmp_path / "a_mask.png")
    (photograph,) = photographs_in([tmp_path])
    truth = photograph.truth((96, 128, 3))
    assert truth is not None and truth.shape == (96, 128) and (truth ^ disc()).mean() < 0.02
    half.resize((96, 96)).save(tmp_path / "a_mask.png")
    with pytest.raises(UnusablePhotograph, match="the mask is 96 x 96"):
        photograph.truth((96, 128, 3))


@pytest.mark.parametrize("content", [b"", b"\xff\xd8\xff\xe0 cut short", b"GIF89a"])
def test_what_is_no_picture_is_told_by_its_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.jpg").write_bytes(content)
    (photograph,) = photographs_in([tmp_path])
    with pytest.raises(UnusablePhotograph, match=r"a\.jpg is no picture"):
        photograph.rgb()


def test_a_source_without_photographs_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "no.zip").write_bytes(b"no ZIP")
    (tmp_path / "only").mkdir()
    Image.new("L", (8, 8)).save(tmp_path / "only" / "a_mask.png")
    for name, reason in (
        ("empty", "no photograph"),
        ("only", "no photograph"),
        ("no.zip", "neither"),
        ("x", "neither"),
    ):
        with pytest.raises(UnusablePhotograph, match=reason):
            photographs_in([tmp_path / name])
    (tmp_path / "empty" / "index.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UnusablePhotograph, match="index"):
        photographs_in([tmp_path / "empty"])
