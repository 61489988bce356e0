"""The closed-form flow against a simulation of what it claims."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from pipeline.errors import ModelError, UnusablePhotograph
from pipeline.models import Branch, Prompt
from pipeline.models.base import RectifiedFlow
from pipeline.models.fake import GaussianFlow, GaussianPrompt, gaussian_velocity


def test_it_is_a_whole_rectified_flow() -> None:
    model: RectifiedFlow[str] = GaussianFlow()

    pixels = torch.rand(1, 3, 16, 24) * 2 - 1
    assert torch.equal(model.decode(model.encode(pixels)), pixels)
    assert model.embed("a naevus") == model.embed("a naevus") != model.embed("a plaque")


@pytest.mark.parametrize("sigma", [0.1, 0.5, 0.9])
def test_the_velocity_is_the_mean_of_noise_minus_data(sigma: float) -> None:
    """Regress simulated ``eps - x`` on simulated z: the velocity is that line."""
    generator = torch.Generator().manual_seed(3)
    x = 0.4 + 0.7 * torch.randn(400_000, generator=generator, dtype=torch.float64)
    eps = torch.randn(400_000, generator=generator, dtype=torch.float64)
    z = (1 - sigma) * x + sigma * eps
    slope = torch.cov(torch.stack([z, eps - x]))[0, 1] / z.var()

    line = (eps - x).mean() + slope * (torch.tensor([-1.0, 0.0, 1.0], dtype=torch.float64) - z.mean())
    velocity = gaussian_velocity(torch.tensor([-1.0, 0.0, 1.0]), sigma, GaussianPrompt(0.4, 0.7)).double()

    assert torch.allclose(velocity, line, atol=0.02)


def test_a_point_mass_has_a_velocity_at_every_sigma() -> None:
    z = torch.linspace(-1, 1, 5)

    velocities = [gaussian_velocity(z, sigma, GaussianPrompt(0.3, 0.0)) for sigma in (0.0, 0.5, 1.0)]

    assert all(bool(torch.isfinite(velocity).all()) for velocity in velocities)


def test_sampling_along_it_gives_the_data() -> None:
    model, prompt = GaussianFlow(), Branch(GaussianPrompt(0.2, 0.3))
    z = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(4))
    sigmas = model.sigmas(200, 1.0, (64, 64)).tolist()
    for sigma, sigma_next in pairwise(sigmas):
        z = z + (sigma_next - sigma) * model.velocities([z], sigma, [prompt])[0]

    assert float(z.mean()) == pytest.approx(0.2, abs=0.02)
    assert float(z.std()) == pytest.approx(0.3, abs=0.02)


def test_the_unconditional_prompt_is_the_standard_normal() -> None:
    model, z = GaussianFlow(), torch.randn(1, 3, 8, 8)

    implied, told = model.velocities(
        [z, z],
        0.5,
        [Branch(GaussianPrompt(0.4), 2.0), Branch(GaussianPrompt(0.4), 2.0, negative=GaussianPrompt(0.0, 1.0))],
    )

    assert torch.equal(implied, told)


def test_misuse_is_refused_by_name() -> None:
    model, z = GaussianFlow(), torch.zeros(1, 3, 8, 8)

    with pytest.raises(ModelError, match="GaussianPrompt is needed"):
        model.velocities([z], 0.5, [Branch(Prompt())])
    with pytest.raises(ValueError, match="1 latents for 2 branches"):
        model.velocities([z], 0.5, [Branch(GaussianPrompt(0.0))] * 2)
    with pytest.raises(ValueError, match="share one shape"):
        model.velocities([z, z[..., :4]], 0.5, [Branch(GaussianPrompt(0.0))] * 2)
    with pytest.raises(UnusablePhotograph, match="multiples of 8"):
        model.encode(torch.zeros(1, 3, 8, 12))
