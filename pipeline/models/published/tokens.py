"""Latents as tokens: 2x2 patches in rows, as FLUX.1, Chroma and Qwen-Image take them."""

from __future__ import annotations

import torch
from torch import Tensor

PATCH = 2
"""Latent pixels on a side that make one token."""


def pack(z: Tensor) -> Tensor:
    """[B, C, h, w] to tokens [B, h*w/4, 4C]: row by row, each token its channels' 2x2 patches."""
    batch, channels, height, width = z.shape
    patches = z.reshape(batch, channels, height // PATCH, PATCH, width // PATCH, PATCH)
    return patches.permute(0, 2, 4, 1, 3, 5).reshape(batch, -1, channels * PATCH * PATCH)


def unpack(tokens: Tensor, height: int, width: int) -> Tensor:
    """The inverse of ``pack`` for latents of ``height`` x ``width``."""
    batch, _, depth = tokens.shape
    patches = tokens.reshape(batch, height // PATCH, width // PATCH, depth // PATCH**2, PATCH, PATCH)
    return patches.permute(0, 3, 1, 4, 2, 5).reshape(batch, -1, height, width)


def token_positions(height: int, width: int) -> Tensor:
    """[h*w/4, 3] for the rotary embedding: (0, row, column) of each token in the order of ``pack``."""
    rows, columns = torch.arange(height // PATCH), torch.arange(width // PATCH)
    row, column = torch.meshgrid(rows, columns, indexing="ij")
    return torch.stack([torch.zeros_like(row), row, column], dim=-1).reshape(-1, 3)
