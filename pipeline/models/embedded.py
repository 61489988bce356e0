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

import numpy as np
import torch
from numpy.typing import NDArray
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


@dataclass(frozen=True, eq=False)
class Subject:
    """What an edit is about: the photograph, float32 [1, 3, R, R] in [-1, 1], and the face in it.

    ``landmarks``: (5, 2) in pixels of the square, in YuNet's order; ``None`` where there is no face.
    """

    photograph: Tensor
    landmarks: NDArray[np.float64] | None = None


@dataclass(frozen=True, eq=False)
class EmbeddedPrompt(Prompt):
    """One word index for each field, 0 where nothing is said, and the pictures that the network sees beside z."""

    tokens: tuple[int, ...]
    photograph: Tensor
    """[1, 3, R, R]"""
    portrait: Tensor
    """[1, 4, R, R]"""


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

    def embed(self, words: tuple[ClinicalPrompt, Subject]) -> EmbeddedPrompt:
        """What is said, and of which photograph. ``UnusablePhotograph`` if that is not of the model's size."""
        prompt, subject = words
        check_pixels(subject.photograph, self.resolution)
        tokens = prompt.tokens()
        landmarks = np.full((5, 2), np.nan) if subject.landmarks is None else subject.landmarks
        portrait = self._net.portraits.beside(torch.tensor(tokens[-1:]), torch.from_numpy(landmarks)[None])
        return EmbeddedPrompt(tokens, subject.photograph.float(), portrait)

    def likeness(self, descriptor: NDArray[np.float64]) -> list[float]:
        """How alike each persona is to the face of SFace's ``descriptor`` (128,): cosines around their common mean."""
        personas = self._net.portraits.descriptors[1:].double().numpy()
        centre = personas.mean(0)
        patient = descriptor / np.linalg.norm(descriptor) - centre
        return [float(value) for value in (personas - centre) @ patient / np.linalg.norm(patient)]

    def sigmas(self, steps: int, start: float, latent_size: tuple[int, int]) -> Tensor:
        """Evenly spaced: in pixel space at one resolution there is nothing to shift for."""
        del latent_size
        return torch.linspace(start, 0.0, steps + 1)

    @torch.no_grad()
    def velocities(self, zs: Sequence[Tensor], sigma: float, branches: Sequence[Branch]) -> list[Tensor]:
        """Guidance scales are ignored: the model is trained on edits, not with an empty prompt to be led away from."""
        check_branches(zs, branches)
        prompts = [expect_prompt(branch.prompt, EmbeddedPrompt) for branch in branches]
        batch = zs[0].shape[0]
        clean = self._clean_images(
            torch.cat(list(zs)),
            sigma,
            torch.tensor([prompt.tokens for prompt in prompts]).repeat_interleave(batch, 0),
            torch.cat([prompt.photograph for prompt in prompts]).repeat_interleave(batch, 0),
            torch.cat([prompt.portrait for prompt in prompts]).repeat_interleave(batch, 0),
        ).split(batch)
        return [(z - x) / max(sigma, SIGMA_FLOOR) for z, x in zip(zs, clean, strict=True)]

    def _clean_images(self, z: Tensor, sigma: float, tokens: Tensor, photograph: Tensor, portrait: Tensor) -> Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            prediction: Tensor = self._net(z, torch.full((len(z),), sigma), tokens, photograph, portrait)
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
