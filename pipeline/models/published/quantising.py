"""The precision of a transformer's weights: float32, half, or int8 and fp8 by torchao where the card has them."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import Any, Literal

import torch

from pipeline.errors import ModelError

PrecisionName = Literal["float32", "bfloat16", "float16", "int8", "fp8"]


@dataclass(frozen=True)
class Precision:
    """``dtype``: what the networks compute in. ``weights``: a narrower type in which the transformer keeps its own."""

    name: PrecisionName
    dtype: torch.dtype
    weights: Literal["int8", "fp8"] | None = None


PRECISIONS: dict[str, Precision] = {
    "float32": Precision("float32", torch.float32),
    "bfloat16": Precision("bfloat16", torch.bfloat16),
    "float16": Precision("float16", torch.float16),
    "int8": Precision("int8", torch.bfloat16, "int8"),
    "fp8": Precision("fp8", torch.bfloat16, "fp8"),
}

COST_DA: dict[str, float] = {
    "float32": 0.0,
    "float16": 0.12,
    "bfloat16": 0.7,
    "int8": 0.8,
    "fp8": 3.0,
    "tiled": 30.0,
    "compiled": 0.01,
    "offload": 0.0,
}
"""What an option changes at most in the a* (CIELAB) of random models' pictures, mean of absolute differences: networks
and autoencoders that amplify what trained ones damp (`python -m scripts.lossy_options`). fp8 was never run: a guess."""

TRAINED_DA: dict[str, float] = {"float32": 0.0, "bfloat16": 0.06}
"""The same bound on a trained network, the embedded healer: the most that a default may change is 0.3."""

LEAST_CAPABILITY = {"int8": (8, 0), "fp8": (8, 9)}
"""CUDA compute capability from which a card multiplies in the type (Ampere; Ada and Hopper)."""


def precision_for(name: str | None, device: torch.device) -> Precision:
    """The precision ``name``; ``None`` is float32 on a CPU, bfloat16 elsewhere. ``ModelError`` if it can't be had."""
    chosen = PRECISIONS.get(name or ("float32" if device.type == "cpu" else "bfloat16"))
    if chosen is None:
        raise ModelError(f"precision {name!r}: say one of {', '.join(PRECISIONS)}")
    if chosen.weights is None:
        return chosen
    if importlib.util.find_spec("torchao") is None:
        raise ModelError(f"precision {name!r} needs torchao: pip install twinveil[quantised], or say bfloat16")
    if device.type == "cuda":
        has, least = torch.cuda.get_device_capability(device), LEAST_CAPABILITY[chosen.weights]
        if has < least:
            raise ModelError(f"precision {name!r} needs compute capability {least}, {device} has {has}")
    elif chosen.weights == "fp8":
        raise ModelError(f"precision 'fp8' needs a CUDA card of compute capability {LEAST_CAPABILITY['fp8']}")
    return chosen


def bytes_of(role: str, precision: Precision) -> int:
    """Bytes to a parameter of a network of ``role``."""
    if role == "autoencoder":
        return 4
    if role == "transformer" and precision.weights is not None:
        return 1
    return precision.dtype.itemsize


def quantise(network: Any, precision: Precision, device: torch.device) -> Any:
    """``network`` with the weights of its linear layers in ``precision``'s narrower type, a scale to each row."""
    if precision.weights is None:
        return network
    from torchao.quantization import Float8WeightOnlyConfig, Int8WeightOnlyConfig, quantize_

    config = Int8WeightOnlyConfig() if precision.weights == "int8" else Float8WeightOnlyConfig()
    quantize_(network, config, device=device if device.type == "cuda" else None)
    return network
