"""The SD3 adapter against diffusers' own pipeline on the same folder."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import StableDiffusion3Pipeline

from pipeline.errors import ModelError, UnusablePhotograph
from pipeline.models import Branch
from pipeline.models.base import RectifiedFlow
from pipeline.models.fake import GaussianPrompt
from pipeline.models.published.folder import load_model
from pipeline.models.published.sd3 import SD3Flow, SD3Prompt

WORDS, OTHER_WORDS = "a red rash on the cheek.", "healthy skin, no rash."


@pytest.fixture(scope="module")
def model(sd3_folder: Path) -> SD3Flow:
    loaded = load_model(sd3_folder)
    assert isinstance(loaded, SD3Flow)
    return loaded


@pytest.fixture(scope="module")
def theirs(sd3_folder: Path) -> Any:
    return StableDiffusion3Pipeline.from_pretrained(sd3_folder, local_files_only=True)


def latents(batch: int = 1) -> torch.Tensor:
    return torch.randn(batch, 4, 8, 8, generator=torch.Generator().manual_seed(2))


def test_a_prompt_is_embedded_as_the_pipeline_embeds_it(model: SD3Flow, theirs: Any) -> None:
    hidden, negative_hidden, pooled, negative_pooled = theirs.encode_prompt(WORDS, None, None)

    ours, empty = model.embed(WORDS), model.embed("")

    assert torch.allclose(ours.hidden, hidden, atol=1e-5)
    assert torch.allclose(ours.pooled, pooled, atol=1e-5)
    assert torch.allclose(empty.hidden, negative_hidden, atol=1e-5)
    assert torch.allclose(empty.pooled, negative_pooled, atol=1e-5)
    assert ours.hidden.shape == (1, 77 + 256, 32)


def test_a_folder_without_t5_puts_zeros_in_its_place(sd3_without_t5_folder: Path) -> None:
    prompt = load_model(sd3_without_t5_folder).embed(WORDS)

    assert isinstance(prompt, SD3Prompt)
    assert bool((prompt.hidden[:, 77:] == 0).all())
    assert not bool((prompt.hidden[:, :77] == 0).all())


def test_sampling_with_our_field_gives_the_pipelines_picture(model: SD3Flow, theirs: Any) -> None:
    """Its sampler, its guidance and its autoencoder against our schedule, velocities and decoder."""
    z = latents()
    expected = theirs(
        WORDS, num_inference_steps=4, guidance_scale=5.0, latents=z.clone(), output_type="pt", height=64, width=64
    ).images

    sigmas = model.sigmas(4, 1.0, (8, 8)).tolist()
    branch = Branch(model.embed(WORDS), 5.0)
    for sigma, sigma_next in pairwise(sigmas):
        z = z + (sigma_next - sigma) * model.velocities([z], sigma, [branch])[0]

    assert torch.allclose((model.decode(z) + 1) / 2, expected, atol=1e-4)


def test_encoding_is_deterministic_and_scaled_as_the_transformer_expects(model: SD3Flow, theirs: Any) -> None:
    pixels = torch.rand(2, 3, 64, 48, generator=torch.Generator().manual_seed(5)) * 2 - 1

    z = model.encode(pixels)

    mode = theirs.vae.encode(pixels).latent_dist.mode()
    assert z.shape == (2, 4, 8, 6)
    assert torch.equal(z, model.encode(pixels))
    assert torch.allclose(z, (mode - 0.0609) * 1.5305, atol=1e-6)
    assert model.decode(z).shape == pixels.shape


def test_all_branches_go_through_one_call_and_keep_their_order(model: SD3Flow, monkeypatch: Any) -> None:
    zs = [latents(2), latents(2) * 0.5, latents(2) + 1.0]
    words, other = model.embed(WORDS), model.embed(OTHER_WORDS)
    branches = [Branch(words, 3.5), Branch(other), Branch(other, 13.5, negative=words)]
    alone = [model.velocities([z], 0.7, [branch])[0] for z, branch in zip(zs, branches, strict=True)]
    batches = record_batches(model._transformer, monkeypatch)

    together = model.velocities(zs, 0.7, branches)

    assert batches == [(2 + 1 + 2) * 2], "two rows a guided branch, one a plain one, each of batch 2"
    assert all(torch.allclose(ours, theirs, atol=1e-5) for ours, theirs in zip(together, alone, strict=True))


def test_guidance_extrapolates_from_the_negative_prompt(model: SD3Flow) -> None:
    z, words, empty = latents(), model.embed(WORDS), model.embed("")
    positive, negative = model.velocities([z, z], 0.6, [Branch(words), Branch(empty)])

    implied, told = model.velocities([z, z], 0.6, [Branch(words, 4.0), Branch(words, 4.0, negative=empty)])

    assert float((positive - negative).abs().max()) > 1e-3, "the prompt must matter for this test to mean anything"
    assert torch.allclose(implied, negative + 4.0 * (positive - negative), atol=1e-4)
    assert torch.allclose(implied, told, atol=1e-6)


@pytest.mark.parametrize("start", [1.0, 0.85, 0.3, 0.002])
def test_a_schedule_goes_from_its_start_to_zero(model: SD3Flow, start: float) -> None:
    sigmas = model.sigmas(12, start, (8, 8))

    assert sigmas.shape == (13,)
    assert float(sigmas[0]) == pytest.approx(start, abs=1e-6)
    assert float(sigmas[-1]) == 0.0
    assert bool((sigmas.diff() < 0).all())


def test_half_precision_networks_still_give_float32_velocities(sd3_folder: Path, model: SD3Flow) -> None:
    half: RectifiedFlow[str] = load_model(sd3_folder, precision="bfloat16")
    z = latents()

    (coarse,) = half.velocities([z], 0.5, [Branch(half.embed(WORDS), 2.0)])
    (fine,) = model.velocities([z], 0.5, [Branch(model.embed(WORDS), 2.0)])

    assert coarse.dtype == torch.float32
    assert torch.allclose(coarse, fine, atol=0.1)


def test_misuse_is_refused_by_name(model: SD3Flow) -> None:
    with pytest.raises(UnusablePhotograph, match="multiples of 16"):
        model.encode(torch.zeros(1, 3, 64, 60))
    with pytest.raises(ModelError, match="SD3Prompt is needed"):
        model.velocities([latents()], 0.5, [Branch(GaussianPrompt(0.0))])
    with pytest.raises(ModelError, match="transformer failed; the library says ValueErr"):  # above pos_embed_max_size
        model.velocities([torch.zeros(1, 4, 40, 40)], 0.5, [Branch(model.embed(WORDS))])


def record_batches(network: torch.nn.Module, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The batch of each later call of ``network``."""
    batches: list[int] = []
    forward = network.forward

    def counted(*args: Any, **kwargs: Any) -> Any:
        batches.append(len(kwargs["hidden_states"]))
        return forward(*args, **kwargs)

    monkeypatch.setattr(network, "forward", counted)
    return batches
