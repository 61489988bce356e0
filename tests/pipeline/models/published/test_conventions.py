"""Every family's field against diffusers' own pipeline on the same folder: one loop, one table of how to ask it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import (
    ChromaPipeline,
    Flux2KleinPipeline,
    FluxPipeline,
    QwenImagePipeline,
    StableDiffusion3Pipeline,
    ZImagePipeline,
)
from torch import Tensor

from pipeline.edits import flow_edit
from pipeline.models import Branch
from pipeline.models.published.folder import load_model
from pipeline.models.published.tokens import pack, unpack

WORDS, OTHER_WORDS = "a red rash on the cheek.", "healthy skin."
TOLERANCE = 1e-5


@dataclass(frozen=True)
class Case:
    """How a family's own pipeline is asked for what ``scale`` is in our convention."""

    pipeline: Any
    scale: float
    asked: dict[str, Any]
    packed: bool = False
    channels: int = 4
    side: int = 8
    absent: tuple[str, ...] = ()
    """Components that the pipeline wants to be told are not there."""


CASES = {
    "sd3": Case(StableDiffusion3Pipeline, 5.0, {"guidance_scale": 5.0}),
    "sd3-no-t5": Case(StableDiffusion3Pipeline, 1.0, {"guidance_scale": 1.0}, absent=("text_encoder_3", "tokenizer_3")),
    "flux-dev": Case(FluxPipeline, 3.5, {"guidance_scale": 3.5}, packed=True),
    "flux-schnell": Case(FluxPipeline, 1.0, {"guidance_scale": 0.0}, packed=True),
    "klein-base": Case(Flux2KleinPipeline, 4.0, {"guidance_scale": 4.0}, channels=16, side=16),
    "klein": Case(Flux2KleinPipeline, 1.0, {"guidance_scale": 1.0}, channels=16, side=16),
    "z-image": Case(ZImagePipeline, 5.0, {"guidance_scale": 4.0}),
    "z-image-turbo": Case(ZImagePipeline, 1.0, {"guidance_scale": 0.0}),
    "qwen-image": Case(QwenImagePipeline, 4.0, {"true_cfg_scale": 4.0, "negative_prompt": ""}, packed=True),
    "chroma": Case(ChromaPipeline, 3.0, {"guidance_scale": 3.0}, packed=True),
}


@pytest.fixture(params=sorted(CASES))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def models(tiny_folder: Callable[[str], Path]) -> dict[str, Any]:
    return {name: load_model(tiny_folder(name)) for name in CASES}


def latents(case: Case, batch: int = 1, seed: int = 2) -> Tensor:
    """Of a picture of 64 x 96, so that rows and columns can't be confused unseen."""
    shape = (batch, case.channels, 64 // case.side, 96 // case.side)
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def their_latents(case: Case, folder: Path, z: Tensor, steps: int) -> Tensor:
    """What the pipeline's own loop makes of ``z``, brought to our shape and units."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        theirs = case.pipeline.from_pretrained(folder, local_files_only=True, **dict.fromkeys(case.absent))
    theirs.set_progress_bar_config(disable=True)
    given = pack(z) if case.packed else z.clone()
    out: Tensor = theirs(
        prompt=WORDS, num_inference_steps=steps, latents=given, output_type="latent", height=64, width=96, **case.asked
    ).images
    if case.packed:
        return unpack(out, *z.shape[-2:])
    if case.pipeline is Flux2KleinPipeline:
        norm = theirs.vae.bn
        return (torch.nn.functional.pixel_unshuffle(out, 2) - norm.running_mean.view(1, -1, 1, 1)) / torch.sqrt(
            norm.running_var.view(1, -1, 1, 1) + theirs.vae.config.batch_norm_eps
        )
    return out


@pytest.mark.parametrize("steps", [2, 4])
def test_plain_euler_with_our_field_is_the_pipelines_own_loop(
    name: str, steps: int, models: dict[str, Any], tiny_folder: Callable[[str], Path]
) -> None:
    case, model = CASES[name], models[name]
    z = latents(case)
    expected = their_latents(case, tiny_folder(name), z, steps)

    branch = Branch(model.embed(WORDS), case.scale)
    for sigma, sigma_next in pairwise(model.sigmas(steps, 1.0, z.shape[-2:]).tolist()):
        z = z + (sigma_next - sigma) * model.velocities([z], sigma, [branch])[0]

    assert z.shape == expected.shape
    assert float((z - latents(case)).abs().max()) > 0.01, "the loop must move for this test to mean anything"
    assert float((z - expected).abs().max()) <= TOLERANCE


def test_the_words_matter(name: str, models: dict[str, Any]) -> None:
    case, model = CASES[name], models[name]
    first, second = model.velocities(
        [latents(case)] * 2, 0.6, [Branch(model.embed(words)) for words in (WORDS, OTHER_WORDS)]
    )

    assert float((first - second).abs().max()) > 1e-4


def test_together_is_the_same_as_one_by_one(name: str, models: dict[str, Any]) -> None:
    """Prompts of several lengths, scales with and without a negative, batches of two pictures."""
    case, model = CASES[name], models[name]
    zs = [latents(case, 2, seed) for seed in range(3)]
    words, other = model.embed(WORDS), model.embed(OTHER_WORDS * 9)
    branches = [Branch(words), Branch(other, 3.0), Branch(model.embed(""), 1.0)]
    inputs = [z.clone() for z in zs]

    together = model.velocities(zs, 0.7, branches)

    for z, branch, ours in zip(zs, branches, together, strict=True):
        for row in range(2):
            (alone,) = model.velocities([z[row : row + 1]], 0.7, [branch])
            assert float((ours[row : row + 1] - alone).abs().max()) <= TOLERANCE
    assert all(torch.equal(before, after) for before, after in zip(inputs, zs, strict=True))


def test_the_same_prompt_and_scale_on_both_branches_change_nothing(name: str, models: dict[str, Any]) -> None:
    case, model = CASES[name], models[name]
    x_src, branch = latents(case), Branch(model.embed(WORDS), case.scale)

    (edited,) = flow_edit(model, x_src, branch, [branch], sigma_start=0.9, steps=3)

    assert float((edited - x_src).abs().max()) <= TOLERANCE


def test_pictures_go_to_z_and_back_as_the_pipelines_autoencoder_takes_them(name: str, models: dict[str, Any]) -> None:
    case, model = CASES[name], models[name]
    pixels = torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(5)) * 2 - 1

    z = model.encode(pixels)

    assert z.shape == latents(case, 2).shape
    assert torch.equal(z, model.encode(pixels)), "the mode, not a draw"
    again = model.decode(z)
    assert again.shape == pixels.shape
    assert float(again.abs().max()) <= 1.0


@pytest.mark.parametrize("start", [1.0, 0.85, 0.3, 0.002])
@pytest.mark.parametrize("steps", [1, 4, 12])
def test_a_schedule_goes_from_its_start_to_zero(name: str, start: float, steps: int, models: dict[str, Any]) -> None:
    sigmas = models[name].sigmas(steps, start, (64, 64))

    assert sigmas.shape == (steps + 1,)
    assert float(sigmas[0]) == pytest.approx(start, abs=1e-6)
    assert float(sigmas[-1]) == 0.0
    assert bool((sigmas.diff() < 0).all())
