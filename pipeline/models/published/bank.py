"""A bank of prompts: every sentence's embedding, made once, so that a model's text encoders stay on disk.

A safetensors file with one tensor for each field of each prompt, named by the SHA-256 of the sentence; its metadata
hold the model's digest. It is written one prompt after the other and read the same way: a bank may be larger than the
memory.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, BinaryIO

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from pipeline.errors import ModelError
from pipeline.models.base import Prompt
from pipeline.models.published.flow import DiffusersFlow

_NAMES = {
    torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64", torch.int32: "I32",
    torch.bool: "BOOL",
}  # fmt: skip
"""Types of tensors as the format calls them."""

_ROOM = 256
"""Bytes of the header for each prompt's field: names, shapes and offsets have no more than that."""

MAKE_AGAIN = "have it made again (`twinveil models bank`)"


def write_bank(
    path: Path,
    model: DiffusersFlow[Any],
    digest: str,
    sentences: Sequence[str],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> int:
    """The embeddings of ``sentences`` by ``model``, whose folder has ``digest``, in ``path``, whole or not at all.

    Returns the bytes written. ``progress`` is called with the number of sentences done and of all. Raises
    ``ModelError`` if an embedding is not finite, OSError if the disk is full.
    """
    part = path.with_name(f".{path.name}.part")
    room = 1024 + _ROOM * len(sentences) * len(_fields(model.prompt_kind))
    header: dict[str, Any] = {"__metadata__": {"model": digest, "sentences": str(len(set(sentences)))}}
    try:
        with part.open("wb") as file:
            file.seek(8 + room)
            end = 0
            for done, words in enumerate(sentences, start=1):
                for name, tensor in _tensors(model.embed(words)):
                    written = _write(file, tensor, words)
                    header[f"{_key(words)}.{name}"] = {
                        "dtype": _NAMES[tensor.dtype],
                        "shape": list(tensor.shape),
                        "data_offsets": [end, end + written],
                    }
                    end += written
                progress(done, len(sentences))
            text = json.dumps(header).encode()
            if len(text) > room:
                raise ValueError("the header needs more room")
            file.seek(0)
            file.write(room.to_bytes(8, "little") + text.ljust(room))
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return 8 + room + end


def prompt_bytes(prompt: Prompt) -> int:
    """What it takes in a bank."""
    return sum(tensor.numel() * tensor.itemsize for _, tensor in _tensors(prompt))


class PromptBank:
    """A bank that was opened for one model. Serves one thread."""

    def __init__(self, path: Path, digest: str, kind: type[Prompt]) -> None:
        """``digest``: of the model's folder; ``kind``: of its prompts. ``ModelError``: missing, damaged, another's."""
        try:
            self._file = _opened(path)
            self._metadata = dict(self._file.metadata() or {})
        except (OSError, SafetensorError) as error:
            raise ModelError(f"the bank of prompts {path} cannot be read: {error}; {MAKE_AGAIN}") from error
        if self._metadata.get("model") != digest:
            raise ModelError(f"the bank of prompts {path} was made with another model; {MAKE_AGAIN}")
        self._path, self._kind = path, kind
        self._names = set(self._file.keys())

    def require(self, sentences: Iterable[str]) -> None:
        """``ModelError`` unless it has every field of every one of ``sentences``."""
        names = _fields(self._kind)
        lacking = [words for words in sentences if any(f"{_key(words)}.{name}" not in self._names for name in names)]
        if lacking:
            raise ModelError(
                f"the bank of prompts {self._path} lacks {len(lacking)} sentences, {lacking[0]!r} for one: it was made "
                f"by another version; {MAKE_AGAIN}"
            )

    def prompt(self, words: str) -> Prompt:
        """The embedding of ``words``. ``ModelError`` if it is not there, or damaged."""
        self.require([words])
        tensors = {name: self._file.get_tensor(f"{_key(words)}.{name}") for name in _fields(self._kind)}
        if not all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values()):
            raise ModelError(f"the bank of prompts {self._path} is damaged at {words!r}; {MAKE_AGAIN}")
        return self._kind(**tensors)


def _opened(path: Path) -> Any:
    return safe_open(path, framework="pt")


def _fields(kind: Any) -> list[str]:
    """Names of a prompt's tensors, or of those of a class of prompts."""
    return [each.name for each in fields(kind)]


def _key(words: str) -> str:
    return hashlib.sha256(words.encode()).hexdigest()[:32]


def _tensors(prompt: Prompt) -> list[tuple[str, Tensor]]:
    return [(name, getattr(prompt, name).detach().cpu().contiguous()) for name in _fields(prompt)]


def _write(file: BinaryIO, tensor: Tensor, words: str) -> int:
    if not bool(torch.isfinite(tensor).all()):
        raise ModelError(f"the embedding of {words!r} is not finite: use float32")
    return file.write(tensor.flatten().view(torch.uint8).numpy().tobytes())
