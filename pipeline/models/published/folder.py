"""A model from a diffusers folder: which adapter it needs, what it is, which digest it has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from pipeline.errors import ModelError
from pipeline.models.published.chroma import ChromaFlow
from pipeline.models.published.components import NETWORKS, chosen_kinds
from pipeline.models.published.flow import DiffusersFlow, LoadOptions
from pipeline.models.published.flux import FluxFlow
from pipeline.models.published.flux2 import Flux2KleinFlow
from pipeline.models.published.quantising import precision_for
from pipeline.models.published.qwen_image import QwenImageFlow
from pipeline.models.published.sd3 import SD3Flow
from pipeline.models.published.variants import GUIDED, REFUSED, EditStart, Variant, recognised
from pipeline.models.published.weights import folder_digest, read_json, weight_files
from pipeline.models.published.z_image import ZImageFlow

LATENT_PIXELS = 8
"""Pixels along the side of a latent, before any packing, in every family here."""


@dataclass(frozen=True)
class Family:
    """Models of one architecture. ``name``: as people call it."""

    name: str
    adapter: type[DiffusersFlow[Any]]


FAMILIES: Mapping[str, Family] = {
    "StableDiffusion3Pipeline": Family("Stable Diffusion 3", SD3Flow),
    "FluxPipeline": Family("FLUX.1", FluxFlow),
    "Flux2KleinPipeline": Family("FLUX.2-klein", Flux2KleinFlow),
    "ZImagePipeline": Family("Z-Image", ZImageFlow),
    "QwenImagePipeline": Family("Qwen-Image", QwenImageFlow),
    "ChromaPipeline": Family("Chroma", ChromaFlow),
}
"""``_class_name`` of model_index.json to the adapter. What is absent is refused: nobody checked its velocity."""


@dataclass(frozen=True)
class ModelFacts:
    """What a folder says of itself, without a weight being loaded.

    ``parameters``: numbers in each network's weights; ``size``: bytes of all weights on disk. ``variant``: the
    published model it is by class, size and name; ``None`` for another of its family.
    """

    folder: Path
    kind: str
    family: str
    variant: Variant | None
    parameters: Mapping[str, int]
    size: int

    @property
    def licence(self) -> str:
        return "unknown: read what came with it" if self.variant is None else self.variant.licence

    @property
    def start(self) -> EditStart:
        """Where the tuning of an edit begins."""
        return GUIDED if self.variant is None else self.variant.start

    @property
    def side(self) -> int | None:
        """Pixels along the sides of its pictures, where the folder says so."""
        latents = read_json(self.folder / "transformer" / "config.json").get("sample_size")
        return latents * LATENT_PIXELS if isinstance(latents, int) else None

    def digest(self) -> str:
        """SHA-256 over the folder (``folder_digest``): about a minute for 50 GB, once a process."""
        return folder_digest(self.folder)


def describe_folder(folder: Path | str) -> ModelFacts:
    """The facts of ``folder``. ``ModelError`` as for ``load_model``, as far as files and headers show it."""
    place = Path(folder)
    kind, family = _family(place)
    kinds = chosen_kinds(place, family.adapter.parts)
    files = {name: weight_files(place / name) for name in kinds if family.adapter.parts[name].role in NETWORKS}
    parameters = {name: found.parameters for name, found in files.items()}
    distilled = _distilled(place, kind)
    variant = recognised(kind, place.name, parameters["transformer"] / 1e9, distilled)
    return ModelFacts(place, kind, family.name, variant, parameters, sum(found.size for found in files.values()))


def load_model(
    folder: Path | str,
    device: torch.device | str = "cpu",
    precision: str | None = None,
    expected_digest: str | None = None,
    *,
    encoders: bool = True,
    compiled: bool = False,
    offload: bool = False,
    tiled: bool = False,
) -> DiffusersFlow[Any]:
    """The model in ``folder``, which must hold a model_index.json and the components it lists. Never asks a network.

    ``precision``: one of ``PRECISIONS``; ``None`` is float32 on a CPU, bfloat16 elsewhere. The rest as in
    ``LoadOptions``. ``expected_digest``: SHA-256 in hex as ``folder_digest`` gives it, compared before any weight is
    loaded. Raises ``ModelError``: no such folder or device, unknown kind or component, another digest, a pickle, a
    missing or superfluous weight, too little memory.
    """
    place = Path(folder)
    _, family = _family(place)
    target = _present(device)
    options = LoadOptions(target, precision_for(precision, target), encoders, compiled, offload, tiled)
    if expected_digest is not None and (digest := folder_digest(place)) != expected_digest.lower():
        raise ModelError(f"{place} has digest {digest}, expected {expected_digest}: weights or configuration changed")
    return family.adapter(place, options)


def _family(place: Path) -> tuple[str, Family]:
    if not (place / "model_index.json").is_file():
        raise ModelError(f"{place} is not a model folder: it has no model_index.json")
    kind = str(read_json(place / "model_index.json").get("_class_name"))
    if kind not in FAMILIES:
        why = REFUSED.get(kind, "a velocity field is needed whose conventions were proven")
        raise ModelError(f"{place} holds a {kind}: {why}. Supported are {', '.join(FAMILIES)}")
    return kind, FAMILIES[kind]


def _present(device: torch.device | str) -> torch.device:
    try:
        found = torch.device(device)
    except RuntimeError as error:
        raise ModelError(f"{device!r} is no device: say cpu, cuda or cuda:1") from error
    if found.type == "cuda" and (found.index or 0) >= (cards := torch.cuda.device_count()):
        raise ModelError(
            f"there is no {found}: PyTorch {torch.__version__} finds {cards} cards; see the driver, or say cpu"
        )
    return found


def _distilled(place: Path, kind: str) -> bool | None:
    """Whether the folder itself says that it needs few steps; ``None`` where only its name tells."""
    if kind == "Flux2KleinPipeline":
        return bool(read_json(place / "model_index.json").get("is_distilled", False))
    if kind == "FluxPipeline":
        return not read_json(place / "transformer" / "config.json").get("guidance_embeds", False)
    return None
