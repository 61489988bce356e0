"""The table of published models against the networks that diffusers builds from their configurations."""

from __future__ import annotations

import shlex
import warnings
from typing import Any

import pytest
import torch
from diffusers import (
    ChromaTransformer2DModel,
    Flux2Transformer2DModel,
    FluxTransformer2DModel,
    SD3Transformer2DModel,
    ZImageTransformer2DModel,
)

from pipeline.models.published.folder import FAMILIES
from pipeline.models.published.variants import REFUSED, VARIANTS, Variant, recognised

SD3: dict[str, Any] = {
    "in_channels": 16,
    "out_channels": 16,
    "joint_attention_dim": 4096,
    "pooled_projection_dim": 2048,
}
KLEIN: dict[str, Any] = {"guidance_embeds": False}
NETWORKS: dict[str, tuple[Any, dict[str, Any]]] = {
    "Stable Diffusion 3.5 medium": (
        SD3Transformer2DModel,
        SD3 | {"num_layers": 24, "num_attention_heads": 24, "caption_projection_dim": 1536, "pos_embed_max_size": 384}
        | {"dual_attention_layers": tuple(range(13)), "qk_norm": "rms_norm"},
    ),
    "FLUX.1-schnell": (FluxTransformer2DModel, {}),
    "FLUX.2-klein-4B": (
        Flux2Transformer2DModel,
        KLEIN | {"num_layers": 5, "num_single_layers": 20, "num_attention_heads": 24, "joint_attention_dim": 7680},
    ),
    "FLUX.2-klein-9B": (
        Flux2Transformer2DModel,
        KLEIN | {"num_layers": 8, "num_single_layers": 24, "num_attention_heads": 32, "joint_attention_dim": 12288},
    ),
    "Z-Image": (ZImageTransformer2DModel, {}),
    "Chroma1-HD": (ChromaTransformer2DModel, {}),
}  # fmt: skip


def variant(name: str) -> Variant:
    return next(each for each in VARIANTS if each.name == name)


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_a_transformer_has_as_many_weights_as_the_table_says(name: str) -> None:
    kind, configuration = NETWORKS[name]
    with torch.device("meta"), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        network = kind(**configuration)

    counted = sum(tensor.numel() for tensor in network.state_dict().values())

    assert counted / 1e9 == pytest.approx(variant(name).transformer, rel=0.01)


def test_every_variant_is_of_a_supported_kind_and_none_that_is_refused() -> None:
    assert {each.kind for each in VARIANTS} == set(FAMILIES)
    assert not set(REFUSED) & set(FAMILIES)
    assert len({each.name for each in VARIANTS}) == len(VARIANTS)


@pytest.mark.parametrize("each", VARIANTS, ids=lambda each: each.name)
def test_a_folder_under_its_published_name_is_recognised(each: Variant) -> None:
    folder = each.repository.split("/")[1]

    assert recognised(each.kind, folder, each.transformer * 1.001, None) == each
    assert recognised(each.kind, "model", each.transformer * 3.0, None) is None


def test_what_a_folder_says_of_itself_goes_before_its_name() -> None:
    klein = recognised("Flux2KleinPipeline", "FLUX.2-klein-base-4B", 3.88, True)

    assert klein is not None and klein.name == "FLUX.2-klein-4B"


@pytest.mark.parametrize("each", VARIANTS, ids=lambda each: each.name)
def test_fetching_names_the_repository_and_no_pickles(each: Variant) -> None:
    command = shlex.split(each.fetching()[-1])

    assert command[:3] == ["hf", "download", each.repository]
    assert "*.bin" in command[command.index("--exclude") :]
    assert (len(each.fetching()) == 2) is each.gated


def test_memory_counts_the_bytes_of_each_network() -> None:
    klein = variant("FLUX.2-klein-4B")

    assert klein.memory() == pytest.approx((3.88 * 2 + 4.02 * 2 + 0.084 * 4) * 1e9 / 2**30)
    assert klein.memory(1.0, encoders=False) == pytest.approx((3.88 + 0.084 * 4) * 1e9 / 2**30)


def test_few_step_models_start_without_guidance() -> None:
    for each in VARIANTS:
        assert (each.guidance == 1.0) is each.few_steps
        assert (each.start.target_scale == 1.0) is each.few_steps
        assert each.start.source_scale <= each.start.target_scale
