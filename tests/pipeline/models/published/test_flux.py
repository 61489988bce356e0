"""The FLUX.1 adapter against diffusers' own pipeline on the same folder."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import FluxPipeline

from pipeline.errors import ModelError
from pipeline.models import Branch
from pipeline.models.fake import GaussianPrompt
from pipeline.models.published.flux import FluxFlow
from pipeline.models.published.folder import load_model
from pipeline.models.published.tokens import pack, token_positions, unpack

WORDS, OTHER_WORDS = "a red rash on the cheek.", "healthy skin, no rash."


@pytest.fixture(scope="module")
def dev(flux_dev_folder: Path) -> FluxFlow:
    return flux(flux_dev_folder)


@pytest.fixture(scope="module")
def schnell(flux_schnell_folder: Path) -> FluxFlow:
    return flux(flux_schnell_folder)


def flux(folder: Path) -> FluxFlow:
    loaded = load_model(folder)
    assert isinstance(loaded, FluxFlow)
    return loaded


def latents(batch: int = 1) -> torch.Tensor:
    return torch.randn(batch, 4, 8, 12, generator=torch.Generator().manual_seed(2))


def test_a_prompt_is_embedded_as_the_pipeline_embeds_it(dev: FluxFlow, flux_dev_folder: Path) -> None:
    theirs: Any = FluxPipeline.from_pretrained(flux_dev_folder, local_files_only=True)
    hidden, pooled, _ = theirs.encode_prompt(WORDS, None)

    ours = dev.embed(WORDS)

    assert torch.allclose(ours.hidden, hidden, atol=1e-5)
    assert torch.allclose(ours.pooled, pooled, atol=1e-5)


@pytest.mark.parametrize("kind", ["dev", "schnell"])
def test_sampling_with_our_field_gives_the_pipelines_picture(kind: str, request: pytest.FixtureRequest) -> None:
    """Not square, so that rows and columns can't be confused unseen."""
    model: FluxFlow = request.getfixturevalue(kind)
    theirs: Any = FluxPipeline.from_pretrained(request.getfixturevalue(f"flux_{kind}_folder"), local_files_only=True)
    z = latents()
    expected = theirs(
        WORDS, num_inference_steps=4, guidance_scale=3.5, latents=pack(z), output_type="pt", height=64, width=96
    ).images

    sigmas = model.sigmas(4, 1.0, (8, 12)).tolist()
    branch = Branch(model.embed(WORDS), 3.5)
    for sigma, sigma_next in pairwise(sigmas):
        z = z + (sigma_next - sigma) * model.velocities([z], sigma, [branch])[0]

    assert torch.allclose((model.decode(z) + 1) / 2, expected, atol=1e-4)


def test_packing_is_undone_exactly_and_follows_the_positions() -> None:
    z = latents(2)
    tokens, positions = pack(z), token_positions(8, 12)

    assert tokens.shape == (2, 24, 16)
    assert torch.equal(unpack(tokens, 8, 12), z)
    for token, (_, row, column) in zip(tokens[1], positions.tolist(), strict=True):
        patch = z[1, :, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
        assert torch.equal(token, patch.flatten())


def test_all_branches_go_through_one_call_and_keep_their_order(dev: FluxFlow, monkeypatch: pytest.MonkeyPatch) -> None:
    zs = [latents(2), latents(2) * 0.5, latents(2) + 1.0]
    words, other = dev.embed(WORDS), dev.embed(OTHER_WORDS)
    branches = [Branch(words, 1.5), Branch(other, 5.5), Branch(words, 9.0)]
    alone = [dev.velocities([z], 0.7, [branch])[0] for z, branch in zip(zs, branches, strict=True)]
    batches: list[int] = []
    forward = dev._transformer.forward

    def counted(**inputs: Any) -> Any:
        batches.append(len(inputs["guidance"]))
        return forward(**inputs)

    monkeypatch.setattr(dev._transformer, "forward", counted)

    together = dev.velocities(zs, 0.7, branches)

    assert batches == [6], "three branches of batch 2, each row with its own guidance scale"
    assert all(torch.allclose(ours, theirs, atol=1e-5) for ours, theirs in zip(together, alone, strict=True))


def test_only_dev_listens_to_the_guidance_scale(dev: FluxFlow, schnell: FluxFlow) -> None:
    z = latents()
    for model, listens in ((dev, True), (schnell, False)):
        words = model.embed(WORDS)
        low, high = model.velocities([z, z], 0.5, [Branch(words, 1.5), Branch(words, 5.5)])
        assert bool(float((low - high).abs().max()) > 1e-4) is listens


def test_the_schedule_of_dev_shifts_with_the_number_of_tokens(dev: FluxFlow, schnell: FluxFlow) -> None:
    """Larger pictures need more of the steps at high noise; mu is 0.5 at 256 tokens and 1.15 at 4096."""
    small, large = dev.sigmas(8, 1.0, (32, 32)), dev.sigmas(8, 1.0, (128, 128))

    u = 0.5  # the fifth of eight steps, unshifted
    e = 2.718281828459045
    assert float(small[4]) == pytest.approx(e**0.5 * u / (1 + (e**0.5 - 1) * u), abs=1e-6)
    assert float(large[4]) == pytest.approx(e**1.15 * u / (1 + (e**1.15 - 1) * u), abs=1e-6)
    assert schnell.sigmas(8, 1.0, (128, 128)).tolist() == pytest.approx([1 - k / 8 for k in range(9)])


@pytest.mark.parametrize("start", [1.0, 0.85, 0.3, 0.002])
@pytest.mark.parametrize("kind", ["dev", "schnell"])
def test_a_schedule_goes_from_its_start_to_zero(kind: str, start: float, request: pytest.FixtureRequest) -> None:
    model: FluxFlow = request.getfixturevalue(kind)

    sigmas = model.sigmas(12, start, (64, 64))

    assert sigmas.shape == (13,)
    assert float(sigmas[0]) == pytest.approx(start, abs=1e-6)
    assert float(sigmas[-1]) == 0.0
    assert bool((sigmas.diff() < 0).all())


def test_misuse_is_refused_by_name(dev: FluxFlow) -> None:
    words = dev.embed(WORDS)

    with pytest.raises(ValueError, match="no negative prompt"):
        dev.velocities([latents()], 0.5, [Branch(words, 3.5, negative=words)])
    with pytest.raises(ModelError, match="FluxPrompt is needed"):
        dev.velocities([latents()], 0.5, [Branch(GaussianPrompt(0.0))])
