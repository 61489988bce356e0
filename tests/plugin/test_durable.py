"""A file is whole or not there, also where its content is made while it is written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from plugin.durable import load_arrays, save_arrays, whole_file, write_file


def test_arrays_come_back_as_they_were_and_replace_what_was_there(tmp_path: Path) -> None:
    twins = {"sick": np.arange(24, dtype=np.uint8).reshape(2, 4, 3), "mask": np.array([[True, False]])}
    save_arrays(tmp_path / "twins.npz", sick=np.zeros(1))

    save_arrays(tmp_path / "twins.npz", **twins)

    loaded = load_arrays(tmp_path / "twins.npz")
    assert loaded.keys() == twins.keys()
    assert all(np.array_equal(loaded[name], twins[name]) and loaded[name].dtype == twins[name].dtype for name in twins)
    assert (tmp_path / "twins.npz").stat().st_mode & 0o777 == 0o600


def test_what_was_there_stays_and_nothing_lies_beside_it_when_writing_goes_wrong(tmp_path: Path) -> None:
    write_file(tmp_path / "kept", b"before")

    def cut_short() -> None:
        with whole_file(tmp_path / "kept") as file:
            file.write(b"half of wh")
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        cut_short()

    assert (tmp_path / "kept").read_bytes() == b"before"
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
