"""What all adapters for diffusers folders share: strict loading, the way through the autoencoder, guidance, batching.

An adapter adds three things: how words become its prompt, how a number of steps becomes sigmas, and one call of its
network with z, sigma and prompts in our conventions (``pipeline.models.base``).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, TypeVar

import torch
from torch import Tensor

from pipeline.errors import ModelError
from pipeline.models.base import Branch, Prompt, check_branches, check_pixels, expect_prompt
from pipeline.models.published import components
from pipeline.models.published.components import NETWORKS, Part
from pipeline.models.published.quantising import Precision, bytes_of, quantise
from pipeline.models.published.weights import check_memory, folder_digest, weight_files

Kind = TypeVar("Kind", bound=Prompt)
Guidance = Literal["classifier-free", "embedded", "none"]
"""How a model takes a guidance scale: as a factor between two velocities, as an input of the network, or not at all."""

COMPILER = "inductor"
"""What torch.compile translates to: one kernel for what stands between two matrix products."""


@dataclass(frozen=True)
class LoadOptions:
    """How a folder is loaded. All but ``device`` and ``encoders`` trade something; the defaults trade nothing but time.

    ``precision``: of transformer and text encoders; the autoencoder stays in float32. ``encoders``: False leaves the
    text encoders on disk, for prompts from a bank (``remember``). ``compiled``: the transformer through torch.compile,
    minutes at the first picture of each size. ``offload``: each network is on the device only while it works.
    ``tiled``: the autoencoder works in tiles, against memory at more than 1024 pixels; seams may show.
    """

    device: torch.device
    precision: Precision
    encoders: bool = True
    compiled: bool = False
    offload: bool = False
    tiled: bool = False


class DiffusersFlow(ABC, Generic[Kind]):
    """``RectifiedFlow[str]`` over the components of a diffusers folder."""

    parts: ClassVar[Mapping[str, Part]]
    """The components that the adapter loads, by their names in model_index.json."""
    prompt_kind: type[Kind]

    def __init__(self, folder: Path, options: LoadOptions) -> None:
        """``ModelError`` if anything is missing, superfluous, of an unknown class or too large; weights come last."""
        self.name = folder.name
        self._options = options
        self._device, self._dtype = options.device, options.precision.dtype
        self._known: dict[str, Kind] = {}
        kinds = components.chosen_kinds(folder, self.parts)
        if not options.encoders:
            kinds = {name: kind for name, kind in kinds.items() if self._role(name) not in ("encoder", "tokenizer")}
        self._check_memory(folder, list(kinds))
        self.digest = folder_digest(folder)  # after what costs less and may refuse it as well
        self._loaded = {name: self._load(name, kind, folder / name) for name, kind in kinds.items()}
        self._scheduler, self._transformer, self._vae = (
            self._loaded[name] for name in ("scheduler", "transformer", "vae")
        )
        if options.compiled:
            self._transformer.compile(backend=COMPILER)
        if options.tiled:
            self._vae.enable_tiling()
        self._check_scheduler(folder)

    @property
    def guidance(self) -> Guidance:
        return "classifier-free"

    @property
    def transformer(self) -> Any:
        """The network itself, for whoever counts its weights or calls."""
        return self._transformer

    @property
    def latent_multiple(self) -> int:
        return int(2 ** (len(self._vae.config.block_out_channels) - 1) * 2)

    @torch.no_grad()
    def encode(self, pixels: Tensor) -> Tensor:
        check_pixels(pixels, self.latent_multiple)
        with components.translated("the autoencoder failed"), self._working("vae") as vae:
            return self._latents(vae, pixels.to(self._device, vae.dtype)).float()

    @torch.no_grad()
    def decode(self, z: Tensor) -> Tensor:
        with components.translated("the autoencoder failed"), self._working("vae") as vae:
            return self._pixels(vae, z.to(self._device, vae.dtype)).float().clamp(-1.0, 1.0)

    @torch.no_grad()
    def embed(self, words: str) -> Kind:
        """From what is remembered, else by the text encoders. ``ModelError`` if those were left on disk."""
        if words in self._known:
            return self._known[words]
        if not self._options.encoders:
            raise ModelError(f"{self.name} has no embedding of {words!r} in its bank: have the bank made again")
        with components.translated("the text encoders failed"):
            return self._embedded(words)

    def remember(self, prompts: Mapping[str, Kind]) -> None:
        """Give these words these embeddings from now on, as a bank holds them; "" is the unconditional prompt."""
        self._known |= {words: expect_prompt(prompt, self.prompt_kind) for words, prompt in prompts.items()}

    @abstractmethod
    def sigmas(self, steps: int, start: float, latent_size: tuple[int, int]) -> Tensor:
        """As ``VelocityField.sigmas``."""

    @torch.no_grad()
    def velocities(self, zs: Sequence[Tensor], sigma: float, branches: Sequence[Branch]) -> list[Tensor]:
        """One call of the network: a row for each branch, and one more where its scale needs the negative prompt."""
        check_branches(zs, branches)
        rows: list[tuple[Tensor, Kind, float]] = []
        for z, branch in zip(zs, branches, strict=True):
            if self._needs_negative(branch):
                rows.append((z, self._negative(branch), branch.guidance_scale))
            rows.append((z, expect_prompt(branch.prompt, self.prompt_kind), branch.guidance_scale))
        batch = zs[0].shape[0]
        together = torch.cat([z for z, _, _ in rows]).to(self._device, self._dtype)  # [R*B, C, h, w]
        prompts = [prompt for _, prompt, _ in rows for _ in range(batch)]
        scales = [scale for _, _, scale in rows for _ in range(batch)]
        with components.translated("the transformer failed"), self._working("transformer"):
            outputs = iter(self._network(together, sigma, prompts, scales).float().to(zs[0].device).chunk(len(rows)))
        return [self._guided(outputs, branch) for branch in branches]

    @abstractmethod
    def _embedded(self, words: str) -> Kind: ...

    @abstractmethod
    def _network(self, z: Tensor, sigma: float, prompts: Sequence[Kind], scales: Sequence[float]) -> Tensor:
        """``dz / dsigma`` [N, C, h, w] of ``z`` [N, C, h, w] in the network's precision, a prompt of batch 1 each."""

    def _combined(self, negative: Tensor, positive: Tensor, scale: float) -> Tensor:
        """Classifier-free guidance (Ho and Salimans, arXiv 2207.12598)."""
        return negative + scale * (positive - negative)

    def _latents(self, vae: Any, pixels: Tensor) -> Tensor:
        """The posterior's mode, shifted and scaled to the transformer's units: [B, 3, H, W] to [B, C, h, w]."""
        mode: Tensor = vae.encode(pixels).latent_dist.mode()
        z: Tensor = (mode - vae.config.shift_factor) * vae.config.scaling_factor
        return z

    def _pixels(self, vae: Any, z: Tensor) -> Tensor:
        """The inverse of ``_latents``."""
        pixels: Tensor = vae.decode(z / vae.config.scaling_factor + vae.config.shift_factor, return_dict=False)[0]
        return pixels

    def _check_scheduler(self, folder: Path) -> None:
        components.check_scheduler(self._scheduler)

    def _needs_negative(self, branch: Branch) -> bool:
        if self.guidance == "classifier-free":
            return branch.guidance_scale != 1.0
        if branch.negative is not None:
            raise ValueError(f"{self.name} has no negative prompt: its guidance is {self.guidance}")
        return False

    def _negative(self, branch: Branch) -> Kind:
        if branch.negative is not None:
            return expect_prompt(branch.negative, self.prompt_kind)
        if "" not in self._known:
            self._known[""] = self.embed("")
        return self._known[""]

    def _guided(self, outputs: Iterator[Tensor], branch: Branch) -> Tensor:
        """The next branch's velocity: its prompt's row, or its negative's and its prompt's put together."""
        first = next(outputs)
        return self._combined(first, next(outputs), branch.guidance_scale) if self._needs_negative(branch) else first

    def _role(self, name: str) -> str:
        return self.parts[name].role

    def _load(self, name: str, kind: Any, place: Path) -> Any:
        role = self._role(name)
        if role not in NETWORKS:
            return components.load_part(kind, place)
        dtype = torch.float32 if role == "autoencoder" else self._dtype
        lasting = torch.device("cpu") if self._options.offload else self._device
        if role != "transformer" or self._options.precision.weights is None:
            return components.load_network(kind, place, lasting, dtype)
        # In full width the network may be too large for the device: it gets there layer by layer, already narrow.
        network = components.load_network(kind, place, torch.device("cpu"), dtype)
        return quantise(network, self._options.precision, self._device).to(lasting)

    def _check_memory(self, folder: Path, names: list[str]) -> None:
        """Before any weight is read: what the networks take in memory, together or, offloaded, the largest."""
        sizes = {
            name: weight_files(folder / name).parameters * bytes_of(self._role(name), self._options.precision)
            for name in names
            if self._role(name) in NETWORKS
        }
        if self._options.offload:
            check_memory(sum(sizes.values()), torch.device("cpu"), str(folder))
        needed = max(sizes.values()) if self._options.offload else sum(sizes.values())
        check_memory(needed, self._device, str(folder))

    @contextmanager
    def _working(self, name: str) -> Iterator[Any]:
        """The component on the device, for as long as it is used where it was asked to be brought there."""
        network = self._loaded[name]
        if not self._options.offload:
            yield network
            return
        network.to(self._device)
        try:
            yield network
        finally:
            network.to("cpu")


def stacked(states: Sequence[Tensor], device: torch.device, dtype: torch.dtype) -> Tensor:
    """Prompts' tensors, each [1, ...], as one [N, ...] where and as the network takes them."""
    return torch.cat(list(states)).to(device, dtype)
