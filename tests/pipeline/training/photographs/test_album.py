"""What training reads of a folder of photographs, and what it never reads."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.errors import PipelineError
from pipeline.training.photographs.album import albums, for_tuning, held_out, photographs, view_of
from tests.pipeline.training.photographs.conftest import skin, spotted


def write(folder: Path, stem: str, *, outlined: bool, side: int = 64) -> None:
    folder.mkdir(exist_ok=True)
    picture, mask = spotted(side=side)
    Image.fromarray(picture if outlined else skin(side=side)).save(folder / f"{stem}.png")
    if outlined:
        Image.fromarray(mask.astype(np.uint8) * 255).save(folder / f"{stem}_mask.png")


def test_held_out_photographs_and_those_for_tuning_are_never_read(tmp_path: Path) -> None:
    names = [f"photo{number:03}" for number in range(64)]
    for name in names:
        write(tmp_path / "dermoscopy", name, outlined=True)
    read = {one.name for one in photographs(tmp_path / "dermoscopy")}
    assert read == {name for name in names if not held_out(name) and not for_tuning(name)}
    assert 0 < sum(map(held_out, names)) < 24 and 0 < sum(map(for_tuning, names)) < 16


def test_an_archive_reads_like_its_folder(tmp_path: Path) -> None:
    for number in range(12):
        write(tmp_path / "skin", f"photo{number}", outlined=number % 2 == 0)
    with zipfile.ZipFile(tmp_path / "same.zip", "w") as archive:
        for file in (tmp_path / "skin").iterdir():
            archive.write(file, f"inside/{file.name}")
    folder, archived = (list(photographs(tmp_path / name)) for name in ("skin", "same.zip"))
    assert [one.name for one in folder] == [one.name for one in archived] != []
    for one, other in zip(folder, archived, strict=True):
        np.testing.assert_array_equal(one.rgb, other.rgb)
        assert (one.mask is None) == (other.mask is None)


@pytest.mark.parametrize(
    ("name", "outlined", "view"),
    [("dermoscopy-2017", True, "dermoscopy"), ("wounds", True, "close-up"), ("people", False, "face")],
)
def test_an_albums_view_follows_from_its_name_and_its_masks(
    tmp_path: Path, name: str, outlined: bool, view: str
) -> None:
    write(tmp_path / name, "one", outlined=outlined)
    assert view_of(tmp_path / name) == view


def test_a_mask_of_another_size_is_named(tmp_path: Path) -> None:
    name = next(f"photo{k}" for k in range(99) if not held_out(f"photo{k}") and not for_tuning(f"photo{k}"))
    write(tmp_path / "skin", name, outlined=True)
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "skin" / f"{name}_mask.png")
    with pytest.raises(PipelineError, match=f"the mask of {name} is of another size"):
        list(photographs(tmp_path / "skin"))


def test_a_folder_without_photographs_is_told_of(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="no folder and no ZIP archive with photographs"):
        albums(tmp_path)
