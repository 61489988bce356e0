"""The weight files of a diffusers folder, judged by name and header before anything is loaded.

Safetensors alone: a pickle runs code when it is read, so none may lie in a component that is used.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from pipeline.errors import ModelError

PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".msgpack", ".h5")
"""Endings of files that PyTorch, JAX and TensorFlow keep weights in besides safetensors."""

WHOLE = ("diffusion_pytorch_model.safetensors", "model.safetensors")
"""Names under which diffusers and transformers keep weights in one file."""

_HEADER_LIMIT = 100_000_000
"""Bytes of a safetensors header beyond which the format's own library refuses it as well."""

MARGIN = 1.1
"""Memory asked for beyond the weights' own, for what a step of the network keeps."""


@dataclass(frozen=True)
class WeightFiles:
    """What one network's files say of themselves. ``parameters``: numbers in all tensors. ``size``: bytes on disk."""

    files: tuple[Path, ...]
    parameters: int
    size: int


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


def weight_files(place: Path) -> WeightFiles:
    """The safetensors of the network in ``place``. ``ModelError``: none, a pickle, a missing shard, a broken header."""
    pickles = sorted(path.name for path in place.rglob("*") if path.suffix.lower() in PICKLES)
    if pickles:
        raise ModelError(
            f"{place} cannot be loaded: {', '.join(pickles)} may run code when read; "
            "fetch the model's safetensors and delete the other files"
        )
    indices = sorted(place.glob("*.safetensors.index.json"))
    plain = [index for index in indices if index.name.count(".") == 3]  # not "model.fp16.safetensors.index.json"
    if plain:
        shards = read_json(plain[0]).get("weight_map")
        if not isinstance(shards, dict) or not all(isinstance(name, str) for name in shards.values()):
            raise ModelError(f"{plain[0]} lists no shards")
        names = sorted(set(shards.values()))
    else:
        names = [name for name in WHOLE if (place / name).is_file()]
    missing = [name for name in names if Path(name).name != name or not (place / name).is_file()]
    if missing or not names:
        raise ModelError(f"{place} cannot be loaded: it lacks {', '.join(missing) or 'safetensors'}; fetch it again")
    files = tuple(place / name for name in names)
    counts = [sum(math.prod(shape) for shape in _shapes(path).values()) for path in files]
    return WeightFiles(files, sum(counts), sum(path.stat().st_size for path in files))


def _shapes(path: Path) -> dict[str, list[int]]:
    """The shape of every tensor in ``path``; its data must be as long as its header says."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 2 <= length <= _HEADER_LIMIT:
                raise ValueError("it does not begin with a header")
            header = json.loads(file.read(length))
        header.pop("__metadata__", None)
        end = max((entry["data_offsets"][1] for entry in header.values()), default=0)
        shapes = {str(name): [int(side) for side in entry["shape"]] for name, entry in header.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise ModelError(f"{path.parent} cannot be loaded: {path.name} is no safetensors file: {error}") from error
    if path.stat().st_size != 8 + length + end:
        raise ModelError(f"{path.parent} cannot be loaded: {path.name} is cut short or too long; fetch it again")
    return shapes


def folder_digest(folder: Path) -> str:
    """SHA-256 (hex) that identifies the model: over its index, and name and content of every file of its components."""
    total = hashlib.sha256()
    total.update((folder / "model_index.json").read_bytes())  # it says which classes they are, and what is distilled
    for name in present_components(folder):
        files = sorted(path for path in (folder / name).rglob("*") if path.is_file())
        if not files:
            raise ModelError(f"{folder}: model_index.json lists {name!r}, but {folder / name} holds no file")
        for path in files:
            facts = path.stat()
            content = _file_digest(path, facts.st_size, facts.st_mtime_ns, facts.st_ino)
            total.update(f"{path.relative_to(folder).as_posix()}\0{content}\n".encode())
    return total.hexdigest()


@lru_cache(maxsize=4096)
def _file_digest(path: Path, size: int, changed: int, inode: int) -> str:
    """Read once a process: tens of gigabytes take a minute. The other arguments tell a changed file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_memory(needed: float, device: torch.device, what: str) -> None:
    """``ModelError`` unless ``needed`` bytes of weights, and a margin, are free on ``device``."""
    free = free_memory(device)
    if free is not None and needed * MARGIN > free:
        raise ModelError(
            f"{what} needs {needed * MARGIN / 2**30:.2f} GiB of memory on {device}, {free / 2**30:.2f} GiB are free: "
            "use a smaller model, half precision, int8, offload, or a bank of prompts instead of the text encoders"
        )


def free_memory(device: torch.device) -> int | None:
    """Bytes that can still be had on ``device``; ``None`` where nobody says."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), None)
