"""The personas' portraits as one picture, a row for each of them: for the model to read and for people to look at."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from pipeline.errors import ModelError

SIDE = 256
"""Pixels of one portrait."""
_QUALITY = 93


@dataclass(frozen=True)
class ContactSheet:
    """Portraits [personas, views, 3, SIDE, SIDE] as a JPEG. It is read when one of them is wanted: all of them together
    take the memory of several large photographs, and whom no renderer drew never gets one."""

    content: bytes
    views: int

    @classmethod
    def of(cls, portraits: Tensor) -> ContactSheet:
        """Of uint8 [personas, views, 3, SIDE, SIDE]."""
        personas, views = portraits.shape[:2]
        sheet = portraits.permute(0, 3, 1, 4, 2).reshape(personas * SIDE, views * SIDE, 3)
        buffer = io.BytesIO()
        Image.fromarray(sheet.numpy()).save(buffer, "JPEG", quality=_QUALITY, subsampling=0)
        return cls(buffer.getvalue(), views)

    @classmethod
    def read(cls, path: Path, digest: str, views: int) -> ContactSheet:
        """``ModelError`` where it is missing or its SHA-256 is another."""
        try:
            sheet = cls(path.read_bytes(), views)
        except OSError as error:
            raise ModelError(f"the personas' portraits cannot be read: {error}") from error
        if sheet.digest != digest:
            raise ModelError(f"{path} does not hold the portraits of this model")
        return sheet

    @property
    def digest(self) -> str:
        """SHA-256 of the file."""
        return hashlib.sha256(self.content).hexdigest()

    def __getitem__(self, which: tuple[Tensor, Tensor]) -> Tensor:
        """Of each persona [B] one of its views [B]: uint8 [B, 3, SIDE, SIDE]."""
        with Image.open(io.BytesIO(self.content)) as image:
            boxes = [
                (SIDE * view, SIDE * persona, SIDE * (view + 1), SIDE * (persona + 1))
                for persona, view in zip(which[0].tolist(), which[1].tolist(), strict=True)
            ]
            pictures = np.stack([np.asarray(image.crop(box).convert("RGB")) for box in boxes])
        return torch.from_numpy(pictures).permute(0, 3, 1, 2).contiguous()
