"""The composed heads that a model ships: skins as one picture, shapes and what is known of them as one file.

``heads.jpg`` holds the skins, ``COLUMNS`` in a row; ``heads.safetensors`` the frame, the shapes (half floats) and what
both recognisers make of people with these heads; its metadata says sex, age and complexion of each.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from pipeline.errors import ModelError
from pipeline.heads.drawing import Head
from pipeline.heads.persona_words import Age, Complexion, Known, Words
from pipeline.heads.shapes import Expression, Frame
from pipeline.heads.skin_square import SIDE
from pipeline.photograph import Rgb, Sex

SKINS, SHAPES = "heads.jpg", "heads.safetensors"
COLUMNS = 12
_QUALITY = 92


@dataclass(frozen=True, eq=False)
class HeadBank:
    """Heads by name, in order, with what is said and measured of each.

    ``sface`` [heads, 128], unit length, and ``dlib`` [heads, 128]: of people with these heads. ``known``: what tells
    sex and age of a face from its descriptors.
    """

    frame: Frame
    heads: tuple[Head, ...]
    words: tuple[Words, ...]
    sface: NDArray[np.float64]
    dlib: NDArray[np.float64]
    known: Known
    digest: str

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(head.name for head in self.heads)

    def head(self, name: str) -> Head:
        """``KeyError`` for a name that is not in the bank."""
        for head in self.heads:
            if head.name == name:
                return head
        raise KeyError(name)


def write_heads(
    folder: Path,
    frame: Frame,
    skins: Sequence[Rgb],
    shapes: NDArray[np.floating],
    words: Sequence[Words],
    descriptors: tuple[NDArray[np.floating], NDArray[np.floating]],
    known: Known,
) -> str:
    """Write a bank into ``folder``; returns its digest, which ``read_heads`` asks for."""
    rows = -(-len(skins) // COLUMNS)
    sheet = np.full((rows * SIDE, COLUMNS * SIDE, 3), 128, np.uint8)
    for number, skin in enumerate(skins):
        top, left = number // COLUMNS * SIDE, number % COLUMNS * SIDE
        sheet[top : top + SIDE, left : left + SIDE] = skin
    buffer = io.BytesIO()
    Image.fromarray(sheet).save(buffer, "JPEG", quality=_QUALITY, subsampling=0)
    (folder / SKINS).write_bytes(buffer.getvalue())
    arrays: dict[str, NDArray[Any]] = {
        "mean": frame.mean.astype(np.float32),
        "directions": frame.directions.astype(np.float32),
        "typical": np.array([*frame.typical, frame.shut_gap], np.float32),
        "shapes": np.asarray(shapes, np.float16),
        "sface": descriptors[0].astype(np.float16),
        "dlib": descriptors[1].astype(np.float16),
        "known": known.weights.astype(np.float32),
    }
    # An array in Fortran's order would be written as it lies in memory and read as something else.
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    about = [{"sex": each.sex, "age": each.age, "complexion": each.complexion} for each in words]
    (folder / SHAPES).write_bytes(save(arrays, {"heads": json.dumps(about)}))
    return _digest(folder)


def write_known(folder: Path, known: Known) -> str:
    """Exchange what is known of sex and age in the bank of ``folder``, and nothing else; returns its digest."""
    with safe_open(folder / SHAPES, "numpy") as file:
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        metadata = file.metadata()
    arrays["known"] = np.ascontiguousarray(known.weights, np.float32)
    (folder / SHAPES).write_bytes(save(arrays, metadata))
    return _digest(folder)


def read_heads(folder: Path, digest: str) -> HeadBank:
    """The bank of ``folder``. ``ModelError`` where it is missing, damaged, or its digest is another."""
    try:
        if _digest(folder) != digest:
            raise ModelError(f"the heads in {folder} are not those of its config.json")
        with Image.open(folder / SKINS) as image:
            sheet = np.asarray(image.convert("RGB"), np.uint8)
        with safe_open(folder / SHAPES, "numpy") as file:
            arrays = {name: file.get_tensor(name).astype(np.float64) for name in file.keys()}  # noqa: SIM118
            about = json.loads(file.metadata()["heads"])
        return _bank(sheet, arrays, about, digest)
    except (OSError, SafetensorError, KeyError, ValueError, TypeError) as error:
        raise ModelError(f"the heads in {folder} cannot be read: {error!r}") from error


def _bank(sheet: Rgb, arrays: dict[str, NDArray[np.float64]], about: list[dict[str, Any]], digest: str) -> HeadBank:
    *typical, shut_gap = arrays["typical"].tolist()
    frame = Frame(arrays["mean"], arrays["directions"], Expression(*typical), shut_gap)
    heads = []
    for number, shape in enumerate(arrays["shapes"]):
        top, left = number // COLUMNS * SIDE, number % COLUMNS * SIDE
        heads.append(Head(name_of(number), sheet[top : top + SIDE, left : left + SIDE].copy(), shape))
    words = tuple(
        Words(
            _one_of(get_args(Sex), each["sex"]),
            _one_of(get_args(Age), each["age"]),
            _one_of(get_args(Complexion), each["complexion"]),
        )
        for each in about
    )
    if not len(heads) == len(words) == len(arrays["sface"]) == len(arrays["dlib"]):
        raise ValueError("not as many shapes, words and descriptors")
    sface = arrays["sface"] / np.linalg.norm(arrays["sface"], axis=1, keepdims=True)
    return HeadBank(frame, tuple(heads), words, sface, arrays["dlib"], Known(arrays["known"]), digest)


def name_of(number: int) -> str:
    """Of the ``number``-th head, from 0."""
    return f"head {number + 1:03d}"


def _one_of(words: tuple[Any, ...], word: Any) -> Any:
    if word not in words:
        raise ValueError(f"{word!r} is none of {', '.join(words)}")
    return word


def _digest(folder: Path) -> str:
    content = [hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in (SKINS, SHAPES)]
    return hashlib.sha256(" ".join(content).encode()).hexdigest()
