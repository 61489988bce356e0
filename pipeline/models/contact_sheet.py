"""The personas' portraits as one picture, a row for each of them: for the model to read and for people to look at."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from pipeline.errors import ModelError

SIDE = 256
"""Pixels of one portrait."""
_QUALITY = 93


def write_contact_sheet(portraits: Tensor, path: Path) -> str:
    """``portraits`` uint8 [personas, views, 3, SIDE, SIDE] as a JPEG; returns its SHA-256."""
    personas, views = portraits.shape[:2]
    sheet = portraits.permute(0, 3, 1, 4, 2).reshape(personas * SIDE, views * SIDE, 3)
    buffer = io.BytesIO()
    Image.fromarray(sheet.numpy()).save(buffer, "JPEG", quality=_QUALITY, subsampling=0)
    path.write_bytes(buffer.getvalue())
    return hashlib.sha256(buffer.getvalue()).hexdigest()


def read_contact_sheet(path: Path, digest: str, views: int) -> Tensor:
    """What ``write_contact_sheet`` wrote. ``ModelError`` where it is missing or its SHA-256 is another."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"the personas' portraits cannot be read: {error}") from error
    if hashlib.sha256(content).hexdigest() != digest:
        raise ModelError(f"{path} does not hold the portraits of this model")
    with Image.open(io.BytesIO(content)) as image:
        sheet = torch.from_numpy(np.array(image.convert("RGB")))
    return sheet.reshape(-1, SIDE, views, SIDE, 3).permute(0, 2, 4, 1, 3).contiguous()
