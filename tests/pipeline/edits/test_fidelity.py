"""What holds a healing to its source, along flows that are known in closed form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from pipeline.edits import Fidelity, flow_edit, target_only
from pipeline.models import Branch, Prompt
from pipeline.models.fake import GaussianFlow, GaussianPrompt, gaussian_velocity

DARK, BRIGHT = Branch(GaussianPrompt(-0.3, 0.4)), Branch(GaussianPrompt(0.5, 0.4))


@dataclass(frozen=True, eq=False)
class Picture(Prompt):
    """Gaussian data around a picture ``mean`` [1, C, h, w], all with one deviation."""

    mean: Tensor


class PictureField:
    """The exact field of such data: a prompt may differ from another in one place alone."""

    deviation = 0.4

    def sigmas(self, steps: int, start: float, latent_size: tuple[int, int]) -> Tensor:
        return torch.linspace(start, 0.0, steps + 1)

    def velocities(self, zs: Sequence[Tensor], sigma: float, branches: Sequence[Branch]) -> list[Tensor]:
        around = GaussianPrompt(0.0, self.deviation)
        return [self._velocity(z, sigma, branch.prompt, around) for z, branch in zip(zs, branches, strict=True)]

    def _velocity(self, z: Tensor, sigma: float, prompt: Prompt, around: GaussianPrompt) -> Tensor:
        assert isinstance(prompt, Picture)
        return gaussian_velocity(z - (1.0 - sigma) * prompt.mean, sigma, around) - prompt.mean


@pytest.fixture
def x_src() -> Tensor:
    return torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(1)) * 0.4


def lesion(strength: float, elsewhere: float) -> tuple[Branch, Branch]:
    """A sick and a healthy prompt: they differ by ``strength`` in a square of 6 and by ``elsewhere`` around it."""
    difference = torch.full((1, 3, 16, 16), elsewhere)
    difference[..., 5:11, 5:11] = strength
    return Branch(Picture(torch.zeros_like(difference))), Branch(Picture(difference))


def test_without_support_an_edit_changes_whatever_the_prompts_differ_in(x_src: Tensor) -> None:
    sick, healthy = lesion(0.8, 0.1)

    (edited,) = flow_edit(PictureField(), x_src, sick, [healthy], sigma_start=1.0, steps=5)

    assert torch.allclose(edited - x_src, healthy.prompt.mean.expand_as(x_src), atol=1e-5)  # type: ignore[attr-defined]


def test_with_support_it_changes_the_lesion_exactly_and_leaves_the_rest_bit_for_bit(x_src: Tensor) -> None:
    sick, healthy = lesion(0.8, 0.1)

    (edited,) = flow_edit(
        PictureField(), x_src, sick, [healthy], sigma_start=1.0, steps=5, fidelity=Fidelity(support=0.5)
    )

    change = edited - x_src
    assert torch.allclose(change[..., 5:11, 5:11], torch.tensor(0.8), atol=1e-5)
    far = torch.ones(16, 16, dtype=torch.bool)
    far[4:12, 4:12] = False  # a pixel around the lesion has neighbours in it
    assert torch.equal(edited[..., far], x_src[..., far])


def test_support_is_of_each_picture_by_itself() -> None:
    """A faint lesion beside a strong one in the same batch is not lost."""
    change = torch.zeros(2, 3, 16, 16)
    change[0, :, 5:11, 5:11], change[1, :, 5:11, 5:11] = 1.0, 0.01

    assert torch.equal(Fidelity(support=0.5).supported(change), change)


def test_equal_prompts_still_change_nothing(x_src: Tensor) -> None:
    sick, _ = lesion(0.8, 0.1)

    (edited,) = flow_edit(
        PictureField(), x_src, sick, [sick], sigma_start=1.0, steps=5, fidelity=Fidelity(support=0.5, terminal=0.1)
    )

    assert torch.equal(edited, x_src)


@pytest.mark.parametrize("terminal", [0.0, 0.01, 0.2])
def test_the_terminal_pull_is_flowaligns(terminal: float) -> None:
    """Their step on plain numbers: x += dsigma (v_p - v_q) + zeta ((q - sigma v_q) - (p - sigma v_p))."""
    noise = torch.randn(5, 1, 3, 8, 8, generator=torch.Generator().manual_seed(3))
    source, target = GaussianPrompt(-0.3, 0.2), GaussianPrompt(0.5, 0.7)
    x_src = torch.full((1, 3, 8, 8), -0.25)
    x = x_src.double()
    for draw, (sigma, after) in zip(noise.double(), pairwise([0.9, 0.72, 0.54, 0.36, 0.18, 0.0]), strict=True):
        q = (1 - sigma) * x_src.double() + sigma * draw
        p = x + q - x_src.double()
        v_p, v_q = gaussian_velocity(p, sigma, target), gaussian_velocity(q, sigma, source)
        x = x + (after - sigma) * (v_p - v_q) + terminal * ((q - sigma * v_q) - (p - sigma * v_p))

    (edited,) = flow_edit(
        GaussianFlow(), x_src, Branch(source), [Branch(target)], sigma_start=0.9, steps=5, noise=noise,
        fidelity=Fidelity(terminal=terminal),
    )  # fmt: skip

    assert float((edited.double() - x).abs().max()) <= 1e-5


def test_the_pull_brings_the_edit_nearer_to_the_source(x_src: Tensor) -> None:
    """Between Gaussians of one width both ends are the change of means apart, so each step takes its share of that."""
    changes = [
        float(
            (
                flow_edit(GaussianFlow(), x_src, DARK, [BRIGHT], sigma_start=1.0, steps=1, fidelity=each)[0] - x_src
            ).mean()
        )
        for each in (Fidelity(), Fidelity(terminal=0.1), Fidelity(terminal=0.3))
    ]

    assert changes == pytest.approx([0.8, 0.8 - 0.1 * 0.8, 0.8 - 0.3 * 0.8], abs=1e-5)


def test_guidance_on_the_target_alone_leads_away_from_the_source(x_src: Tensor) -> None:
    """-0.3 + 2 * (0.5 + 0.3) = 1.3: the means' difference twice, whatever the unconditional prompt is."""
    source, targets = target_only(Branch(DARK.prompt, 3.5), [Branch(BRIGHT.prompt, 2.0)])
    model = GaussianFlow()

    (edited,) = flow_edit(model, x_src, source, targets, sigma_start=1.0, steps=5)

    assert source == Branch(DARK.prompt)
    assert torch.allclose(edited, x_src + 1.6, atol=1e-5)


@pytest.mark.parametrize("bad", [{"support": 1.0}, {"support": -0.1}, {"terminal": 1.0}, {"terminal": float("nan")}])
def test_shares_out_of_range_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be in"):
        Fidelity(**bad)
