"""Photographs as people keep them: a folder or a ZIP of pictures, with masks beside them and an index.

    NAME.jpg or NAME.png      a photograph; a camera's EXIF orientation is applied
    NAME_mask.png             where a person outlined the disease: 128 and above; without one the skin counts as healthy
    index.csv                 file (NAME, with or without its ending), and what is known of it: view, skin_type, kind,
                              sex (female, male), age (years)

View is one of face, close-up and dermoscopy. Where neither the index nor who asks says it, words in the source's name
do (``VIEW_WORDS``), else a close-up is meant. Columns and words that nobody knows here are left alone.
"""

from __future__ import annotations

import csv
import hashlib
import io
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import cast, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from pipeline.errors import UnusablePhotograph
from pipeline.photograph import Rgb, Sex, SkinType, View

PICTURES = (".jpg", ".jpeg", ".png")
MASK_ENDING = "_mask.png"
INDEX = "index.csv"

VIEW_WORDS: dict[str, View] = {
    "dermoscop": "dermoscopy",
    "dermatoscop": "dermoscopy",
    "people": "face",
    "face": "face",
    "portrait": "face",
}
"""What a source's name tells of the view of its photographs."""

_OLDEST = 130

HELD_OUT = "01"
"""Hexadecimal digits with which the SHA-256 of a held-out photograph's name begins: one in eight."""


@dataclass(frozen=True)
class PhotographFile:
    """One photograph and what is known of it. ``source``: the folder or ZIP; ``path``: the picture inside of it."""

    source: Path
    path: str
    mask: str | None
    view: View
    skin_type: SkinType | None = None
    kind: str = ""
    """The disease in the index's word, lower case; the truth of its class, and never told to the pipeline."""
    sex: Sex | None = None
    age_years: int | None = None

    @property
    def name(self) -> str:
        return PurePosixPath(self.path).stem

    @property
    def held_out(self) -> bool:
        """Whether no training may have seen it: told by its name alone, so that everybody agrees."""
        return hashlib.sha256(self.name.encode()).hexdigest()[0] in HELD_OUT

    def rgb(self) -> Rgb:
        """sRGB uint8 (height, width, 3), upright. Raises UnusablePhotograph when it is no picture."""
        with self._opened(self.path) as picture:
            return np.asarray(ImageOps.exif_transpose(picture).convert("RGB"), np.uint8)

    def truth(self, shape: tuple[int, ...]) -> NDArray[np.bool_] | None:
        """The outlined disease at ``shape`` (height, width, ...), None where there is no mask.

        Raises UnusablePhotograph for a mask of other proportions: it was drawn on another picture.
        """
        if self.mask is None:
            return None
        with self._opened(self.mask) as picture:
            drawn = ImageOps.exif_transpose(picture).convert("L")
            height, width = shape[:2]
            if abs(drawn.width * height - drawn.height * width) > 0.02 * drawn.width * height:
                raise UnusablePhotograph(
                    f"the mask is {drawn.width} x {drawn.height} pixels, the photograph {width} x {height}"
                )
            return np.asarray(drawn.resize((width, height), Image.Resampling.NEAREST)) >= 128

    def _opened(self, path: str) -> Image.Image:
        try:
            picture = Image.open(io.BytesIO(_Source.at(self.source).read(path)))
            picture.load()
        except (OSError, UnidentifiedImageError, Image.DecompressionBombError, SyntaxError, ValueError) as error:
            raise UnusablePhotograph(f"{PurePosixPath(path).name} is no picture ({type(error).__name__})") from error
        return picture


def photographs_in(sources: Sequence[Path], view: View | None = None) -> list[PhotographFile]:
    """Every photograph of ``sources``, in the order of their names. ``view``: of those of which the index says none.

    Raises UnusablePhotograph for a source that does not exist, is no ZIP, holds no photograph, or whose index cannot be
    read.
    """
    return [photograph for source in sources for photograph in _photographs(source, view)]


def _photographs(source: Path, view: View | None) -> Iterator[PhotographFile]:
    try:
        opened = _Source.at(source)
        names = opened.names()
    except (OSError, zipfile.BadZipFile) as error:
        raise UnusablePhotograph(f"{source} is neither a folder nor a ZIP of photographs") from error
    known = _index(source, opened, names)
    by_name: Iterator[View] = (said for word, said in VIEW_WORDS.items() if word in source.name.lower())
    default: View = view if view is not None else next(by_name, "close-up")
    there = set(names)
    pictures = [name for name in names if name.lower().endswith(PICTURES) and not name.endswith(MASK_ENDING)]
    if not pictures:
        raise UnusablePhotograph(f"{source} holds no photograph: NAME.jpg or NAME.png is looked for")
    for path in pictures:
        file = PurePosixPath(path)
        row = known.get(file.name) or known.get(file.stem) or {}
        mask = str(file.with_name(file.stem + MASK_ENDING))
        stated, skin_type = row.get("view", "").lower(), row.get("skin_type", "").upper()
        sex, age = row.get("sex", "").lower(), row.get("age", "")
        yield PhotographFile(
            source,
            path,
            mask if mask in there else None,
            cast(View, stated) if stated in get_args(View) else default,
            cast(SkinType, skin_type) if skin_type in get_args(SkinType) else None,
            row.get("kind", "").lower(),
            cast(Sex, sex) if sex in get_args(Sex) else None,
            int(age) if age.isdecimal() and int(age) <= _OLDEST else None,
        )


def _index(source: Path, opened: _Source, names: Sequence[str]) -> dict[str, dict[str, str]]:
    """Rows by what stands under ``file``."""
    path = next((name for name in names if PurePosixPath(name).name == INDEX), None)
    if path is None:
        return {}
    try:
        rows = csv.DictReader(io.StringIO(opened.read(path).decode("utf-8-sig")))
        return {(row.get("file") or "").strip(): {k: (v or "").strip() for k, v in row.items() if k} for row in rows}
    except (UnicodeDecodeError, csv.Error, AttributeError) as error:
        raise UnusablePhotograph(f"{source}: {INDEX} cannot be read ({type(error).__name__})") from error


@dataclass(frozen=True)
class _Source:
    """A folder or a ZIP: names with slashes, and the bytes under each."""

    names: Callable[[], list[str]]
    read: Callable[[str], bytes] = field(repr=False)

    @classmethod
    def at(cls, path: Path) -> _Source:
        """Raises OSError or BadZipFile when there is neither."""
        if path.is_dir():
            return cls(
                lambda: sorted(each.relative_to(path).as_posix() for each in path.rglob("*") if each.is_file()),
                lambda name: (path / name).read_bytes(),
            )

        def names() -> list[str]:
            with zipfile.ZipFile(path) as packed:
                return sorted(each.filename for each in packed.infolist() if not each.is_dir())

        def read(name: str) -> bytes:
            with zipfile.ZipFile(path) as packed:
                return packed.read(name)

        return cls(names, read)
