"""The parts of a diffusers folder: each loaded strictly, from that folder alone, in safetensors.

The boundary to diffusers and transformers: their loosely typed objects enter here as ``Any``, and their exceptions
leave as ``ModelError`` with the cause kept.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from diffusers import FlowMatchEulerDiscreteScheduler, ModelMixin
from torch import Tensor
from transformers.utils import logging as transformers_logging

from pipeline.errors import ModelError
from pipeline.models.published.weights import present_components, read_json

_LOADING_PROBLEMS = ("missing_keys", "unexpected_keys", "mismatched_keys", "error_msgs")
Role = Literal["transformer", "autoencoder", "encoder", "tokenizer", "scheduler"]
NETWORKS: tuple[Role, ...] = ("transformer", "autoencoder", "encoder")
"""Roles that have weights."""


@dataclass(frozen=True)
class Part:
    """A component that a pipeline may have. ``kinds``: the classes it may be, by their names in model_index.json."""

    role: Role
    kinds: Mapping[str, Any]
    optional: bool = False


SCHEDULER = Part("scheduler", {"FlowMatchEulerDiscreteScheduler": FlowMatchEulerDiscreteScheduler})
"""Of all families here: its sigmas are those of a velocity field that leads from noise to data."""


def chosen_kinds(folder: Path, parts: Mapping[str, Part]) -> dict[str, Any]:
    """The class of each of ``parts`` that ``folder`` has. ``ModelError``: one is missing, or of a class unknown here.

    What model_index.json lists besides (a safety checker, an image encoder) is neither loaded nor looked at.
    """
    index = read_json(folder / "model_index.json")
    chosen: dict[str, Any] = {}
    for name, part in parts.items():
        if name not in present_components(folder):
            if not part.optional:
                raise ModelError(f"{folder} lacks the component {name!r}")
            continue
        kind = part.kinds.get(str(index[name][1]))
        if kind is None or index[name][0] not in ("diffusers", "transformers"):
            known = " or ".join(part.kinds)
            raise ModelError(f"{folder}: {name} is a {index[name][0]}.{index[name][1]}; {known} is needed")
        place = folder / name
        if not place.is_dir():  # the libraries take a path that does not exist for a name on their hub
            raise ModelError(f"{folder} lacks the component {name!r}")
        needed = [place / "config.json"] if part.role in NETWORKS else []
        for config in {*needed, *place.glob("*config.json")}:
            if "auto_map" in read_json(config):
                raise ModelError(f"{config} names code of its own (auto_map), which is never run")
        chosen[name] = kind
    return chosen


def load_network(kind: Any, place: Path, device: torch.device, dtype: torch.dtype) -> Any:
    """``kind`` (a diffusers or transformers model class) from ``place``, in evaluation mode.

    Safetensors only. Every weight must be in the file and every weight in the file must be used.
    """
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # one bar for each part says nothing
    options: dict[str, Any] = {"dtype": dtype}
    of_diffusers = issubclass(kind, ModelMixin)
    if of_diffusers:
        options = {"torch_dtype": dtype, "low_cpu_mem_usage": importlib.util.find_spec("accelerate") is not None}
    with translated(f"{place} cannot be loaded"), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of what diffusers' own models still use
        network, report = kind.from_pretrained(
            place, local_files_only=True, use_safetensors=True, output_loading_info=True, **options
        )
    problems = {name: sorted(map(str, report[name])) for name in _LOADING_PROBLEMS if report.get(name)}
    if problems:
        raise ModelError(f"{place} does not hold this network's weights: {problems}")
    if of_diffusers and network.dtype != dtype:
        network = network.to(dtype)  # without accelerate, diffusers leaves the file's precision
    return network.to(device).eval().requires_grad_(False)


def load_part(kind: Any, place: Path) -> Any:
    """A tokenizer or scheduler of class ``kind`` from ``place``."""
    with translated(f"{place} cannot be loaded"):
        return kind.from_pretrained(place, local_files_only=True)


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


def check_scheduler(scheduler: Any, allowed: tuple[str, ...] = ()) -> None:
    """Refuse a schedule of which a velocity field cannot be asked at any sigma."""
    unsupported = ("invert_sigmas", "shift_terminal", "use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas")
    asked = [name for name in unsupported if name not in allowed and scheduler.config.get(name)]
    if asked:
        raise ModelError(f"the scheduler asks for {', '.join(asked)}, which this adapter does not support")
