"""What training reads of a folder of photographs, and what it never reads."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.albums import PhotographFile, photographs_in
from pipeline.errors import PipelineError
from pipeline.training.photographs import for_tuning, open_store
from pipeline.training.photographs.album import albums, for_training
from tests.pipeline.rendered_faces import patient
from tests.pipeline.training.conftest import skin, spotted


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
    every = photographs_in([tmp_path / "dermoscopy"])
    held_out, tuning = ({one.name for one in every if kept(one)} for kept in (_held_out, _tuning))
    read = {one.name for one in for_training(tmp_path / "dermoscopy")}
    assert read == set(names) - held_out - tuning
    assert 0 < len(held_out) < 24 and 0 < len(tuning) < 16 and not held_out & tuning


def _held_out(one: PhotographFile) -> bool:
    return one.held_out


def _tuning(one: PhotographFile) -> bool:
    return for_tuning(one.name)


def test_a_store_is_read_from_folders_and_archives_and_kept(tmp_path: Path) -> None:
    """People are photographed as faces, here rendered ones; the rest is skin with an outline."""
    folder = tmp_path / "albums"
    folder.mkdir()
    for number in range(12):
        write(folder / "dermoscopy", f"photo{number}", outlined=True)
        write(tmp_path / "wounds", f"wound{number}", outlined=number % 2 == 0)
    with zipfile.ZipFile(folder / "wounds.zip", "w") as archive:
        for file in (tmp_path / "wounds").iterdir():
            archive.write(file, file.name)
    (folder / "people").mkdir()
    for number in range(4):
        Image.fromarray(patient()).save(folder / "people" / f"somebody{number}.png")
    said: list[str] = []
    store = open_store(folder, tmp_path / "cache" / "photographs.npz", 64, said.append)
    assert store.through_dermatoscope.sum() == len(list(for_training(folder / "dermoscopy")))
    outlined = [one for one in for_training(folder / "wounds.zip") if one.mask is not None]
    assert (~store.through_dermatoscope).sum() == len(outlined) > 0
    assert len(store.faces) == len(list(for_training(folder / "people"))) > 0
    assert (store.face_skin[0] > 200).mean() > 0.05
    assert store.real_lesion(0) is not None
    again = open_store(tmp_path / "gone", tmp_path / "cache" / "photographs.npz", 64, said.append)
    np.testing.assert_array_equal(again.filled, store.filled)


def test_a_folder_without_photographs_is_told_of(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="no folder and no ZIP archive with photographs"):
        albums(tmp_path)


def test_faces_alone_are_no_lesson(tmp_path: Path) -> None:
    for number in range(4):
        (tmp_path / "albums" / "people").mkdir(parents=True, exist_ok=True)
        Image.fromarray(patient()).save(tmp_path / "albums" / "people" / f"somebody{number}.png")
    with pytest.raises(PipelineError, match="needs photographs of faces and outlined photographs of skin"):
        open_store(tmp_path / "albums", tmp_path / "photographs.npz", 64, lambda line: None)
