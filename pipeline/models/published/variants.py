"""The published models that can be named, as data: what each is, costs and starts from. Nothing is loaded here.

Figures are their makers' own: steps and guidance of the model cards, scales and starts of FlowEdit's authors where
they published some. None of the starting values was measured by us on real weights: `twinveil tune` settles them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

STABILITY = "Stability AI Community License (free below 1 M USD of yearly revenue; terms must be accepted)"
FLUX_NC = "FLUX Non-Commercial License (terms must be accepted)"
APACHE = "Apache-2.0"


@dataclass(frozen=True)
class EditStart:
    """Where the tuning of FlowEdit begins: noise level, steps from there down, guidance of both branches."""

    sigma_start: float
    steps: int
    source_scale: float
    target_scale: float


@dataclass(frozen=True)
class Variant:
    """One published set of weights.

    ``kind``: the pipeline's class in model_index.json. ``transformer``, ``encoders``, ``autoencoder``: weights, in
    thousands of millions. ``steps`` and ``guidance``: what its card samples with, guidance 1 meaning none, in our
    convention (``pipeline.models.base.Branch``). ``gated``: fetching asks for an account that has accepted the terms.
    ``tflop``: of one velocity of one picture of 512 and of 1024 pixels, counted on its network without weights.
    """

    name: str
    repository: str
    kind: str
    licence: str
    transformer: float
    encoders: float
    autoencoder: float
    tflop: tuple[float, float]
    steps: int
    guidance: float
    start: EditStart
    gated: bool = False
    few_steps: bool = False

    def memory(self, bytes_per_weight: float = 2.0, encoders: bool = True) -> float:
        """GiB of weights on the device: the transformer at so many bytes a weight, the autoencoder in float32."""
        text = self.encoders * 2.0 if encoders else 0.0
        return (self.transformer * bytes_per_weight + text + self.autoencoder * 4.0) * 1e9 / 2**30

    def fetching(self) -> tuple[str, ...]:
        """Shell commands for a machine with a network; the folder is then carried to the site."""
        wanted = "model_index.json 'scheduler/*' 'text_encoder*/*' 'tokenizer*/*' 'transformer/*' 'vae/*'"
        name = self.repository.split("/")[1]
        fetch = f"hf download {self.repository} --local-dir {name} --include {wanted} --exclude '*.bin' '*.fp16.*'"
        return ("hf auth login", fetch) if self.gated else (fetch,)


_SD3 = EditStart(0.85, 33, 3.5, 13.5)
"""FlowEdit's published values for Stable Diffusion 3: 33 of 50 steps."""
_FLUX = EditStart(0.92, 24, 1.5, 5.5)
"""FlowEdit's published values for FLUX.1-dev: 24 of 28 steps; .919 at 512 pixels, .950 at 1024."""
_FEW = EditStart(0.9, 4, 1.0, 1.0)
"""Few-step models sample without guidance; nobody published FlowEdit values for them."""
GUIDED = EditStart(0.85, 28, 1.5, 5.5)
"""Other models with classifier-free guidance: between the two."""

_MEDIUM = "StableDiffusion3Pipeline"

VARIANTS: tuple[Variant, ...] = (
    Variant(
        "Stable Diffusion 3 medium", "stabilityai/stable-diffusion-3-medium-diffusers", _MEDIUM, STABILITY,
        2.08, 5.58, 0.084, (2.1, 8.9), 28, 7.0, _SD3, gated=True,
    ),
    Variant(
        "Stable Diffusion 3.5 medium", "stabilityai/stable-diffusion-3.5-medium", _MEDIUM, STABILITY,
        2.47, 5.58, 0.084, (2.4, 11.3), 40, 4.5, _SD3, gated=True,
    ),
    Variant(
        "Stable Diffusion 3.5 large", "stabilityai/stable-diffusion-3.5-large", _MEDIUM, STABILITY,
        8.15, 5.58, 0.084, (8.0, 31.1), 28, 3.5, _SD3, gated=True,
    ),
    Variant(
        "Stable Diffusion 3.5 large turbo", "stabilityai/stable-diffusion-3.5-large-turbo", _MEDIUM, STABILITY,
        8.15, 5.58, 0.084, (8.0, 31.1), 4, 1.0, _FEW, gated=True, few_steps=True,
    ),
    Variant(
        "FLUX.1-dev", "black-forest-labs/FLUX.1-dev", "FluxPipeline", FLUX_NC,
        11.9, 4.89, 0.084, (21.5, 74.4), 28, 3.5, _FLUX, gated=True,
    ),
    Variant(
        "FLUX.1-schnell", "black-forest-labs/FLUX.1-schnell", "FluxPipeline", APACHE,
        11.89, 4.89, 0.084, (21.5, 74.4), 4, 1.0, _FEW, gated=True, few_steps=True,
    ),
    Variant(
        "FLUX.2-klein-base-4B", "black-forest-labs/FLUX.2-klein-base-4B", "Flux2KleinPipeline", APACHE,
        3.88, 4.02, 0.084, (10.2, 34.8), 50, 4.0, GUIDED,
    ),
    Variant(
        "FLUX.2-klein-4B", "black-forest-labs/FLUX.2-klein-4B", "Flux2KleinPipeline", APACHE,
        3.88, 4.02, 0.084, (10.2, 34.8), 4, 1.0, _FEW, few_steps=True,
    ),
    Variant(
        "FLUX.2-klein-base-9B", "black-forest-labs/FLUX.2-klein-base-9B", "Flux2KleinPipeline", FLUX_NC,
        9.08, 8.19, 0.084, (22.7, 75.5), 50, 4.0, GUIDED, gated=True,
    ),
    Variant(
        "FLUX.2-klein-9B", "black-forest-labs/FLUX.2-klein-9B", "Flux2KleinPipeline", FLUX_NC,
        9.08, 8.19, 0.084, (22.7, 75.5), 4, 1.0, _FEW, gated=True, few_steps=True,
    ),
    Variant(
        "Z-Image", "Tongyi-MAI/Z-Image", "ZImagePipeline", APACHE,
        6.15, 4.02, 0.084, (13.7, 56.6), 50, 5.0, GUIDED,
    ),
    Variant(
        "Z-Image-Turbo", "Tongyi-MAI/Z-Image-Turbo", "ZImagePipeline", APACHE,
        6.15, 4.02, 0.084, (13.7, 56.6), 8, 1.0, EditStart(0.9, 8, 1.0, 1.0), few_steps=True,
    ),
    Variant(
        "Qwen-Image", "Qwen/Qwen-Image", "QwenImagePipeline", APACHE,
        20.43, 8.29, 0.127, (16.7, 70.6), 50, 4.0, GUIDED,
    ),
    Variant(
        "Chroma1-HD", "lodestones/Chroma1-HD", "ChromaPipeline", APACHE,
        8.9, 4.76, 0.084, (21.7, 74.6), 40, 3.0, GUIDED,
    ),
)  # fmt: skip
"""Every published set of weights whose conventions an adapter here was proven for."""

_FLOW_MAP = "it is a flow map: it jumps between two noise levels and has no velocity to compare"
_PICTURES = "it wants a second picture to look at, which an edit by words has not"
REFUSED: Mapping[str, str] = {
    "Flux3DistilledPipeline": _FLOW_MAP,
    "AnyFlowPipeline": _FLOW_MAP,
    "AnyFlowFARPipeline": _FLOW_MAP,
    "LatentConsistencyModelPipeline": "it is a consistency model: it has no velocity to compare",
    "StableDiffusionPipeline": "it predicts noise along a curved path, not a rectified flow's velocity",
    "StableDiffusionXLPipeline": "it predicts noise along a curved path, not a rectified flow's velocity",
    "FluxKontextPipeline": _PICTURES,
    "FluxFillPipeline": _PICTURES,
    "QwenImageEditPipeline": _PICTURES,
    "QwenImageEditPlusPipeline": _PICTURES,
    "Flux2KleinKVPipeline": _PICTURES,
    "ZImageOmniPipeline": _PICTURES,
}
"""Pipelines that are refused for a reason of their own; any other that is not supported was never looked at."""

CLOSE = 0.04
"""Share by which a folder's transformer may differ in size from a variant's and still be taken for it."""


def recognised(kind: str, name: str, transformer: float, distilled: bool | None) -> Variant | None:
    """The variant that a folder holds: of its class and size, its ``distilled`` where the folder says so, else by name.

    ``transformer``: thousands of millions of parameters. ``None``: a model of the family that the table does not have.
    """
    alike = [
        variant
        for variant in VARIANTS
        if variant.kind == kind and abs(variant.transformer / transformer - 1.0) <= CLOSE
        and distilled in (None, variant.few_steps)
    ]  # fmt: skip
    spelt = _letters(name)
    named = [variant for variant in alike if _letters(variant.repository.split("/")[1]) == spelt]
    few = "turbo" in spelt or "schnell" in spelt
    return next(
        iter(named or [variant for variant in alike if distilled is not None or variant.few_steps == few]), None
    )


def _letters(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())
