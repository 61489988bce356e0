"""The network of the embedded model: a small SD3 transformer in pixel space, with one learned token per clinical field.

It predicts the clean image and is trained with a velocity loss ("Back to Basics: Let Denoising Generative Models
Denoise", Li & He, arXiv 2511.13720): a small network can paint an image it cannot paint noise.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from diffusers import SD3Transformer2DModel
from diffusers.models.embeddings import get_2d_sincos_pos_embed
from torch import Tensor, nn

from pipeline.errors import ModelError


@dataclass(frozen=True)
class NetConfig:
    """Size of the network. The vocabulary is part of it: a token means nothing without the field it belongs to."""

    fields: tuple[int, ...]
    """Number of words of each clinical field, "unspecified" included (its index is 0)."""
    resolution: int = 128
    """Pixels along each side of the square that is edited."""
    patch: int = 8
    """Pixels along each side of a token."""
    width: int = 192
    heads: int = 3
    """Of 64 channels: fewer, wider heads are a third faster on a CPU than six of 32."""
    layers: int = 8

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "fields": list(self.fields)}

    @staticmethod
    def from_json(data: dict[str, Any]) -> NetConfig:
        try:
            return NetConfig(**{**data, "fields": tuple(data["fields"])})
        except (KeyError, TypeError) as error:
            raise ModelError(f"the embedded model's configuration is not understood: {error}") from error


class EmbeddedNet(nn.Module):
    """x_hat = net(z, sigma, tokens); z [B,3,R,R] in [-1,1] plus noise, sigma [B] in [0,1], tokens int64 [B, fields]."""

    def __init__(self, config: NetConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        offsets = torch.tensor([0, *config.fields[:-1]]).cumsum(0)
        self.register_buffer("offsets", offsets, persistent=False)
        self.words = nn.Embedding(sum(config.fields), width)
        nn.init.normal_(self.words.weight, std=1.0)
        grid = config.resolution // config.patch
        self.transformer: Any = SD3Transformer2DModel(
            sample_size=config.resolution,
            patch_size=config.patch,
            in_channels=3,
            out_channels=3,
            num_layers=config.layers,
            attention_head_dim=width // config.heads,
            num_attention_heads=config.heads,
            joint_attention_dim=width,
            caption_projection_dim=width,
            pooled_projection_dim=width,
            pos_embed_max_size=grid,
            qk_norm="rms_norm",
        )

    def forward(self, z: Tensor, sigma: Tensor, tokens: Tensor) -> Tensor:
        words = self.words(tokens + self.offsets)  # [B, fields, width]
        pooled = words.mean(1) * words.shape[1] ** 0.5
        prediction: Tensor = self.transformer(
            hidden_states=z, encoder_hidden_states=words, pooled_projections=pooled, timestep=sigma * 1000
        ).sample
        return prediction

    def lay_positions_for(self, resolution: int) -> None:
        """Lay the position grid over an image of another resolution: a token keeps its place in the picture, not its
        count from the corner, so that what is learned on small pictures holds on large ones."""
        full = self.config.resolution // self.config.patch
        grid = resolution // self.config.patch
        position = self.transformer.pos_embed
        table = get_2d_sincos_pos_embed(self.config.width, grid, base_size=full, output_type="pt")
        position.pos_embed = table.float().unsqueeze(0).to(position.pos_embed.device)
        position.pos_embed_max_size = grid
