"""The embedded model behind the ``RectifiedFlow`` protocol: pixel space, closed vocabulary, no download.

Its folder (``pipeline/models/embedded_weights``) holds the weights (bf16) of two networks, ``heal.safetensors`` and
``swap.safetensors``, ``portraits.jpg`` (the personas, finer than the network sees them), ``config.json`` with their
sizes, the vocabulary they were trained with and the SHA-256 of each file, and the model card.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from safetensors.torch import save as save_safetensors
from torch import Tensor
from torch.nn import functional

from pipeline.errors import ModelError
from pipeline.models.base import Branch, Prompt, check_branches, check_pixels, expect_prompt
from pipeline.models.contact_sheet import read_contact_sheet, write_contact_sheet
from pipeline.models.embedded_net import EmbeddedNet, NetConfig
from pipeline.prompts import FIELDS, ClinicalPrompt

FOLDER = Path(__file__).parent / "embedded_weights"
Expert = Literal["heal", "swap"]
EXPERTS: tuple[Expert, Expert] = ("heal", "swap")
CONTACT_SHEET = "portraits.jpg"
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
    large_portrait: Callable[[int], Tensor] = field(repr=False)
    """The same [1, 4, S, S] at any side S."""


class EmbeddedModel:
    """Rectified flow on pixels: z is the picture itself, float32 [B, 3, R, R] in [-1, 1]."""

    name = "twinveil-embedded"

    def __init__(self, healing: EmbeddedNet, swapping: EmbeddedNet, digest: str) -> None:
        """Two experts (as in eDiff-I, arXiv 2211.01324, by edit instead of noise): ``swapping`` knows the personas."""
        self.healing, self._swapping = (net.eval().requires_grad_(False) for net in (healing, swapping))
        self.digest = digest

    @property
    def resolution(self) -> int:
        return self._swapping.config.resolution

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
        persona, portraits = torch.tensor(tokens[-1:]), self._swapping.portraits
        laid = partial(portraits.beside, persona, portraits.lifted(persona, torch.from_numpy(landmarks)[None]))
        return EmbeddedPrompt(tokens, subject.photograph.float(), laid(), laid)

    def enlarged(self, edited: Tensor, photograph: Tensor, prompt: EmbeddedPrompt) -> Tensor:
        """The edit of ``photograph`` [1, 3, S, S], the square finer than R, that shrinks to ``edited`` [1, 3, R, R].

        ``prompt``: the target's. An edit is made of shapes, shares and gains, which are smooth: laid on the finer
        photograph and portrait they give what enlarging the edited picture would blur.
        """
        sigma, tokens = torch.ones(1), torch.tensor([prompt.tokens])
        with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
            alteration = self._swapping.alteration(edited, sigma, tokens, prompt.photograph, prompt.portrait)
        side = photograph.shape[-1]
        with torch.inference_mode():
            fine = alteration.applied(photograph, prompt.large_portrait(side))
            lost = edited - functional.interpolate(fine, edited.shape[-2:], mode="area")
            whole: Tensor = (fine + functional.interpolate(lost, (side, side), mode="bicubic")).clamp(-1, 1)
        return whole

    def likeness(self, descriptor: NDArray[np.float64]) -> list[float]:
        """How alike each persona is to the face of SFace's ``descriptor`` (128,): cosines around their common mean."""
        personas = self._swapping.portraits.descriptors[1:].double().numpy()
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
        swap = any(prompt.tokens[-1] for prompt in prompts)
        clean = self._clean_images(
            self._swapping if swap else self.healing,
            torch.cat(list(zs)),
            sigma,
            torch.tensor([prompt.tokens for prompt in prompts]).repeat_interleave(batch, 0),
            torch.cat([prompt.photograph for prompt in prompts]).repeat_interleave(batch, 0),
            torch.cat([prompt.portrait for prompt in prompts]).repeat_interleave(batch, 0),
        ).split(batch)
        return [(z - x) / max(sigma, SIGMA_FLOOR) for z, x in zip(zs, clean, strict=True)]

    @staticmethod
    def _clean_images(
        net: EmbeddedNet, z: Tensor, sigma: float, tokens: Tensor, photograph: Tensor, portrait: Tensor
    ) -> Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            prediction: Tensor = net(z, torch.full((len(z),), sigma), tokens, photograph, portrait)[0]
        return prediction.float()


def vocabulary() -> dict[str, list[str]]:
    """Fields and words as they are written beside the weights."""
    return {name: list(words) for name, words in FIELDS.items()}


def field_sizes() -> tuple[int, ...]:
    """Words of each field, "unspecified" included."""
    return tuple(len(words) + 1 for words in FIELDS.values())


def save_expert(net: EmbeddedNet, folder: Path, expert: Expert, facts: dict[str, Any]) -> str:
    """Write one network's weights (bf16) and what is to be known of it (recipe, hours); returns the weights' SHA-256.

    What ``folder`` holds of the other expert stays.
    """
    folder.mkdir(parents=True, exist_ok=True)
    weights = {
        name: (value.to(torch.bfloat16) if value.is_floating_point() else value).contiguous()
        for name, value in net.state_dict().items()
    }
    blob = save_safetensors(weights)
    digest = hashlib.sha256(blob).hexdigest()
    (folder / f"{expert}.safetensors").write_bytes(blob)
    path = folder / "config.json"
    config = json.loads(path.read_text()) if path.exists() else {}
    if config.get("vocabulary") != vocabulary():
        config = {"vocabulary": vocabulary(), "experts": {}}
    about: dict[str, Any] = {"net": net.config.as_json(), "sha256": digest, **facts}
    if net.portraits.large is not None:
        about["portraits_sha256"] = write_contact_sheet(net.portraits.large, folder / CONTACT_SHEET)
    config["experts"][expert] = about
    path.write_text(json.dumps(config, indent=1) + "\n")
    return digest


def load_embedded(folder: Path = FOLDER) -> EmbeddedModel:
    """The model of ``folder``. ``ModelError`` if weights are missing, altered, or of another vocabulary."""
    try:
        config = json.loads((folder / "config.json").read_text())
    except (OSError, ValueError) as error:
        raise ModelError(f"the embedded model in {folder} cannot be read: {error}") from error
    if config.get("vocabulary") != vocabulary():
        raise ModelError(f"the model in {folder} was trained with another vocabulary")
    experts = config.get("experts", {})
    if sorted(experts) != sorted(EXPERTS):
        raise ModelError(f"the model in {folder} lacks a network: it has {', '.join(sorted(experts)) or 'none'}")
    healing, swapping = (_load_expert(folder, expert, experts[expert]) for expert in EXPERTS)
    digests = [experts[expert].get(name, "") for expert in EXPERTS for name in ("sha256", "portraits_sha256")]
    return EmbeddedModel(healing, swapping, hashlib.sha256(" ".join(digests).encode()).hexdigest())


def _load_expert(folder: Path, expert: Expert, about: dict[str, Any]) -> EmbeddedNet:
    path = folder / f"{expert}.safetensors"
    try:
        blob = path.read_bytes()
    except OSError as error:
        raise ModelError(f"the embedded model in {folder} cannot be read: {error}") from error
    digest = hashlib.sha256(blob).hexdigest()
    if digest != about.get("sha256"):
        raise ModelError(f"{path} does not hold the weights of its config.json (SHA-256 {digest[:12]}…)")
    net = EmbeddedNet(NetConfig.from_json(about["net"]))
    try:
        weights = load_safetensors(blob)
    except SafetensorError as error:
        raise ModelError(f"the weights in {path} are damaged: {error}") from error
    full = {name: value.float() if value.is_floating_point() else value for name, value in weights.items()}
    try:
        net.load_state_dict(full)
    except RuntimeError as error:
        raise ModelError(f"the weights in {path} are of another network") from error
    if "portraits_sha256" in about:
        net.portraits.large = read_contact_sheet(folder / CONTACT_SHEET, about["portraits_sha256"], net.config.views)
    return net
