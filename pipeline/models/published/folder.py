"""A model from a diffusers folder: which adapter it needs, which digest it has."""

from __future__ import annotations

from pathlib import Path

import torch

from pipeline.errors import ModelError
from pipeline.models.base import RectifiedFlow
from pipeline.models.published.components import folder_digest, read_json
from pipeline.models.published.flux import FluxFlow
from pipeline.models.published.sd3 import SD3Flow

ADAPTERS: dict[str, type[SD3Flow] | type[FluxFlow]] = {
    "StableDiffusion3Pipeline": SD3Flow,
    "FluxPipeline": FluxFlow,
}
"""``_class_name`` of model_index.json to the adapter. What is absent is refused: nobody checked its velocity."""


def load_model(
    folder: Path | str,
    device: torch.device | str = "cpu",
    dtype: torch.dtype | None = None,
    expected_digest: str | None = None,
) -> RectifiedFlow[str]:
    """The model in ``folder``, which must hold a model_index.json and the components it lists. Never asks a network.

    ``dtype``: precision of the transformer and text encoders; ``None`` is float32 on a CPU, bfloat16 elsewhere.
    ``expected_digest``: SHA-256 in hex as ``folder_digest`` gives it, compared before any weight is loaded.
    Raises ``ModelError``: no such folder, unknown kind, another digest, a missing or superfluous weight.
    """
    place = Path(folder)
    if not (place / "model_index.json").is_file():
        raise ModelError(f"{place} is not a model folder: it has no model_index.json")
    kind = str(read_json(place / "model_index.json").get("_class_name"))
    adapter = ADAPTERS.get(kind)
    if adapter is None:
        raise ModelError(f"{place} holds a {kind}; supported are {' and '.join(ADAPTERS)} (a velocity field is needed)")
    digest = folder_digest(place)
    if expected_digest is not None and digest != expected_digest.lower():
        raise ModelError(f"{place} has digest {digest}, expected {expected_digest}: weights or configuration changed")
    target = torch.device(device)
    precision = dtype or (torch.float32 if target.type == "cpu" else torch.bfloat16)
    return adapter(place, digest, target, precision)
