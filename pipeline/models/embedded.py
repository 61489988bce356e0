"""The embedded model behind the ``RectifiedFlow`` protocol: pixel space, closed vocabulary, no download.

Its folder (``pipeline/models/embedded``) holds ``model.safetensors`` (bf16), ``config.json`` with the network's size,
the vocabulary it was trained with and the weights' SHA-256, and the model card.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from safetensors.torch import save as save_safetensors
from torch import Tensor

from pipeline.errors import ModelError
from pipeline.models.base import Branch, Prompt, check_branches, check_pixels, expect_prompt
from pipeline.models.embedded_net import EmbeddedNet, NetConfig
from pipeline.prompts import FIELDS, ClinicalPrompt

FOLDER = Path(__file__).parent / "embedded_weights"
SIGMA_FLOOR = 0.03
"""Velocity is (z - x_hat) / sigma; the last step's sigma is never below this."""


@dataclass(frozen=True)
class EmbeddedPrompt(Prompt):
    """One word index for each field, 0 where nothing is said."""

    tokens: tuple[int, ...]


class EmbeddedModel:
    """Rectified flow on pixels: z is the picture itself, float32 [B, 3, R, R] in [-1, 1]."""

    name = "twinveil-embedded"

    def __init__(self, net: EmbeddedNet, digest: str) -> None:
        self._net = net.eval().requires_grad_(False)
        self.digest = digest

    @property
    def resolution(self) -> int:
        return self._net.config.resolution

    @property
    def latent_multiple(self) -> int:
        return self.resolution

    def encode(self, pixels: Tensor) -> Tensor:
        check_pixels(pixels, self.resolution)
        return pixels.float()

    def decode(self, z: Tensor) -> Tensor:
        return z.clamp(-1, 1)

    def embed(self, words: ClinicalPrompt) -> EmbeddedPrompt:
        return EmbeddedPrompt(words.tokens())

    def sigmas(self, steps: int, start: float, latent_size: tuple[int, int]) -> Tensor:
        """Evenly spaced: in pixel space at one resolution there is nothing to shift for."""
        del latent_size
        return torch.linspace(start, 0.0, steps + 1)

    @torch.no_grad()
    def velocities(self, zs: Sequence[Tensor], sigma: float, branches: Sequence[Branch]) -> list[Tensor]:
        check_branches(zs, branches)
        batch = zs[0].shape[0]
        inputs: list[Tensor] = []
        tokens: list[tuple[int, ...]] = []
        for z, branch in zip(zs, branches, strict=True):
            inputs.append(z)
            tokens.append(expect_prompt(branch.prompt, EmbeddedPrompt).tokens)
            if branch.guidance_scale != 1.0:
                negative = branch.negative or self.embed(ClinicalPrompt())
                inputs.append(z)
                tokens.append(expect_prompt(negative, EmbeddedPrompt).tokens)
        clean = self._clean_images(torch.cat(inputs), sigma, torch.tensor(tokens).repeat_interleave(batch, 0))
        parts = iter(clean.split(batch))
        velocities = []
        for z, branch in zip(zs, branches, strict=True):
            x = next(parts)
            if branch.guidance_scale != 1.0:
                unconditional = next(parts)
                x = unconditional + branch.guidance_scale * (x - unconditional)
            velocities.append((z - x) / max(sigma, SIGMA_FLOOR))
        return velocities

    def _clean_images(self, z: Tensor, sigma: float, tokens: Tensor) -> Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            prediction: Tensor = self._net(z, torch.full((len(z),), sigma), tokens)
        return prediction.float()


def vocabulary() -> dict[str, list[str]]:
    """Fields and words as they are written beside the weights."""
    return {name: list(words) for name, words in FIELDS.items()}


def field_sizes() -> tuple[int, ...]:
    """Words of each field, "unspecified" included."""
    return tuple(len(words) + 1 for words in FIELDS.values())


def save_embedded(net: EmbeddedNet, folder: Path, facts: dict[str, Any]) -> str:
    """Write weights (bf16) and configuration with ``facts`` (recipe, hours); returns the weights' SHA-256."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {
        name: (value.to(torch.bfloat16) if value.is_floating_point() else value).contiguous()
        for name, value in net.state_dict().items()
    }
    blob = save_safetensors(weights)
    digest = hashlib.sha256(blob).hexdigest()
    (folder / "model.safetensors").write_bytes(blob)
    config = {"net": net.config.as_json(), "vocabulary": vocabulary(), "sha256": digest, **facts}
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    return digest


def load_embedded(folder: Path = FOLDER) -> EmbeddedModel:
    """The model of ``folder``. ``ModelError`` if weights are missing, altered, or of another vocabulary."""
    try:
        config = json.loads((folder / "config.json").read_text())
        blob = (folder / "model.safetensors").read_bytes()
    except (OSError, ValueError) as error:
        raise ModelError(f"the embedded model in {folder} cannot be read: {error}") from error
    digest = hashlib.sha256(blob).hexdigest()
    if digest != config.get("sha256"):
        raise ModelError(f"the weights in {folder} are not those of its config.json (SHA-256 {digest[:12]}…)")
    if config.get("vocabulary") != vocabulary():
        raise ModelError(f"the model in {folder} was trained with another vocabulary")
    net = EmbeddedNet(NetConfig.from_json(config["net"]))
    try:
        weights = load_safetensors(blob)
    except SafetensorError as error:
        raise ModelError(f"the weights in {folder} are damaged: {error}") from error
    full = {name: value.float() if value.is_floating_point() else value for name, value in weights.items()}
    try:
        net.load_state_dict(full)
    except RuntimeError as error:
        raise ModelError(f"the weights in {folder} are of another network") from error
    return EmbeddedModel(net, digest)
