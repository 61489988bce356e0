"""The parts of a diffusers folder: each loaded strictly, from that folder alone, in safetensors.

The boundary to diffusers and transformers: their loosely typed objects enter here as ``Any``, and their exceptions
leave as ``ModelError`` with the cause kept.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import ModelMixin
from torch import Tensor
from transformers.utils import logging as transformers_logging

from pipeline.errors import ModelError

_LOADING_PROBLEMS = ("missing_keys", "unexpected_keys", "mismatched_keys", "error_msgs")


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from ``path``; ``ModelError`` if it is missing or is something else."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise ModelError(f"{path} does not hold a JSON object")
    return content


def present_components(folder: Path) -> tuple[str, ...]:
    """Names of the components that ``model_index.json`` lists and does not set to null, sorted."""
    index = read_json(folder / "model_index.json")
    listed = {name: entry for name, entry in index.items() if isinstance(entry, list) and len(entry) == 2}
    return tuple(sorted(name for name, entry in listed.items() if entry[0] is not None))


def folder_digest(folder: Path) -> str:
    """SHA-256 (hex) that identifies the model: over name and content of every file of every component in use."""
    total = hashlib.sha256()
    for name in present_components(folder):
        files = sorted(path for path in (folder / name).rglob("*") if path.is_file())
        if not files:
            raise ModelError(f"{folder}: model_index.json lists {name!r}, but {folder / name} holds no file")
        for path in files:
            with path.open("rb") as file:
                content = hashlib.file_digest(file, "sha256").hexdigest()
            total.update(f"{path.relative_to(folder).as_posix()}\0{content}\n".encode())
    return total.hexdigest()


def load_network(kind: Any, folder: Path, component: str, device: torch.device, dtype: torch.dtype) -> Any:
    """``kind`` (a diffusers or transformers model class) from ``folder / component``, in evaluation mode.

    Safetensors only. Every weight must be in the file and every weight in the file must be used.
    """
    place = _component_folder(folder, component)
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # one bar for each part says nothing
    options: dict[str, Any] = {"dtype": dtype}
    of_diffusers = issubclass(kind, ModelMixin)
    if of_diffusers:
        options = {"torch_dtype": dtype, "low_cpu_mem_usage": importlib.util.find_spec("accelerate") is not None}
    with translated(f"{place} cannot be loaded"):
        network, report = kind.from_pretrained(
            place, local_files_only=True, use_safetensors=True, output_loading_info=True, **options
        )
    problems = {name: sorted(map(str, report[name])) for name in _LOADING_PROBLEMS if report.get(name)}
    if problems:
        raise ModelError(f"{place} does not hold this network's weights: {problems}")
    if of_diffusers:
        network = network.to(dtype)  # without accelerate, diffusers leaves the file's precision
    return network.to(device).eval().requires_grad_(False)


def load_part(kind: Any, folder: Path, component: str) -> Any:
    """A tokenizer or scheduler of class ``kind`` from ``folder / component``."""
    place = _component_folder(folder, component)
    with translated(f"{place} cannot be loaded"):
        return kind.from_pretrained(place, local_files_only=True)


def _component_folder(folder: Path, component: str) -> Path:
    """``folder / component``, which must exist: the libraries take a path that does not for a name on their hub."""
    place = folder / component
    if not place.is_dir():
        raise ModelError(f"{folder} lacks the component {component!r}")
    return place


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Whatever torch, diffusers, transformers or safetensors raise inside becomes a ``ModelError`` saying ``what``."""
    try:
        yield
    except ModelError:
        raise
    except Exception as error:  # the libraries raise nearly every type there is, safetensors' own among them
        raise ModelError(f"{what}; the library says {type(error).__name__}: {error}") from error


def token_ids(tokenizer: Any, words: str, length: int) -> Tensor:
    """Token numbers [1, length], padded and cut to ``length``."""
    encoded = tokenizer([words], padding="max_length", max_length=length, truncation=True, return_tensors="pt")
    ids: Tensor = encoded.input_ids
    return ids


def encode_pixels(vae: Any, pixels: Tensor) -> Tensor:
    """The posterior's mode, shifted and scaled to the transformer's units: [B, 3, H, W] to [B, C, h, w]."""
    mode: Tensor = vae.encode(pixels.to(vae.device, vae.dtype)).latent_dist.mode()
    z: Tensor = (mode - vae.config.shift_factor) * vae.config.scaling_factor
    return z.float()


def decode_latents(vae: Any, z: Tensor) -> Tensor:
    """The inverse of ``encode_pixels``, clamped to [-1, 1]."""
    unscaled = z.to(vae.device, vae.dtype) / vae.config.scaling_factor + vae.config.shift_factor
    pixels: Tensor = vae.decode(unscaled, return_dict=False)[0]
    return pixels.float().clamp(-1.0, 1.0)


def check_scheduler(scheduler: Any) -> None:
    """Refuse a schedule of which a velocity field cannot be asked at any sigma."""
    unsupported = ("invert_sigmas", "shift_terminal", "use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas")
    asked = [name for name in unsupported if scheduler.config.get(name)]
    if asked:
        raise ModelError(f"the scheduler asks for {', '.join(asked)}, which this adapter does not support")


def shifted_sigmas(scheduler: Any, grid: np.ndarray[Any, Any] | None, steps: int, mu: float | None) -> Tensor:
    """float32 [steps + 1], last one 0: ``grid`` (unshifted sigmas; ``None`` is the scheduler's own) after its shift."""
    if grid is None:
        scheduler.set_timesteps(steps)
    else:
        scheduler.set_timesteps(sigmas=grid, mu=mu)
    sigmas: Tensor = scheduler.sigmas.cpu().clone()
    return sigmas


def unshifted(sigma: float, shift: float) -> float:
    """The u with ``shift * u / (1 + (shift - 1) * u) == sigma`` (Esser et al., arXiv 2403.03206, eq. 23)."""
    return sigma / (shift - (shift - 1.0) * sigma)
