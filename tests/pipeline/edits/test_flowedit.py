"""FlowEdit along a flow that is known in closed form."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from pipeline.edits import flow_edit
from pipeline.edits.flowedit import Edit, flow_edit_along, flow_edits, normal_from_entropy
from pipeline.errors import ModelError
from pipeline.models import Branch, VelocityField
from pipeline.models.fake import GaussianFlow, GaussianPrompt

DARK, BRIGHT = Branch(GaussianPrompt(-0.3, 0.4)), Branch(GaussianPrompt(0.5, 0.4))
NARROW, WIDE = Branch(GaussianPrompt(0.2, 0.1)), Branch(GaussianPrompt(0.2, 0.9))


@pytest.fixture
def model() -> GaussianFlow:
    return GaussianFlow()


@pytest.fixture
def x_src() -> Tensor:
    return torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(1)) * 0.4 - 0.3


def seeded(seed: int = 7) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_an_edit_that_starts_at_sigma_0_returns_the_source(model: GaussianFlow, x_src: Tensor) -> None:
    (edited,) = flow_edit(model, x_src, DARK, [BRIGHT], sigma_start=0.0, steps=4)

    assert torch.equal(edited, x_src)
    assert edited.data_ptr() != x_src.data_ptr(), "a copy, not the source's own memory"


@pytest.mark.parametrize("sigma_start", [0.3, 0.85, 1.0])
def test_equal_prompts_return_the_source_bit_for_bit(model: GaussianFlow, x_src: Tensor, sigma_start: float) -> None:
    (edited,) = flow_edit(model, x_src, DARK, [DARK], sigma_start=sigma_start, steps=6, n_avg=2)

    assert torch.equal(edited, x_src)


def test_between_gaussians_of_one_width_the_edit_is_the_difference_of_means(model: GaussianFlow, x_src: Tensor) -> None:
    """From pure noise the exact path is ``edit = (1 - sigma) * (mean_tar - mean_src)``, which Euler follows exactly."""
    (edited,) = flow_edit(model, x_src, DARK, [BRIGHT], sigma_start=1.0, steps=5)

    assert torch.allclose(edited, x_src + 0.8, atol=1e-5)


def test_a_guidance_scale_stretches_the_edit(model: GaussianFlow, x_src: Tensor) -> None:
    """With a negative of the same width, guidance extrapolates the mean: 0.1 + 3 * (0.5 - 0.1) = 1.3."""
    target = Branch(GaussianPrompt(0.5, 0.4), guidance_scale=3.0, negative=GaussianPrompt(0.1, 0.4))

    (edited,) = flow_edit(model, x_src, DARK, [target], sigma_start=1.0, steps=5)

    assert torch.allclose(edited, x_src + 1.6, atol=1e-5)


def test_a_lower_sigma_start_keeps_more_of_the_source(model: GaussianFlow, x_src: Tensor) -> None:
    changes = [
        float((flow_edit(model, x_src, DARK, [BRIGHT], sigma_start=start, steps=20)[0] - x_src).abs().mean())
        for start in (0.2, 0.5, 0.8, 1.0)
    ]

    assert changes == sorted(changes)
    assert changes[0] < 0.6 * changes[-1]


def test_several_targets_at_once_are_each_the_same_as_alone(model: GaussianFlow, x_src: Tensor) -> None:
    targets = [BRIGHT, NARROW, WIDE]
    together = flow_edit(model, x_src, DARK, targets, sigma_start=0.9, steps=6, n_min=2, generator=seeded())
    alone = [
        flow_edit(model, x_src, DARK, [target], sigma_start=0.9, steps=6, n_min=2, generator=seeded())[0]
        for target in targets
    ]

    assert all(torch.equal(ours, theirs) for ours, theirs in zip(together, alone, strict=True))


def test_several_edits_at_once_are_each_the_same_as_alone_in_one_evaluation_a_step(model: GaussianFlow) -> None:
    pictures = torch.randn(3, 1, 3, 8, 8, generator=torch.Generator().manual_seed(3))
    noise = torch.randn(3, 3, 1, 3, 8, 8, generator=torch.Generator().manual_seed(4))  # [edits, calls, B, C, h, w]
    sides = [(DARK, [BRIGHT]), (NARROW, [WIDE, DARK]), (BRIGHT, [NARROW])]
    edits = [
        Edit(x, source, targets, drawn) for x, drawn, (source, targets) in zip(pictures, noise, sides, strict=True)
    ]

    together = flow_edits(model, edits, sigma_start=0.9, steps=4, n_min=2)

    assert model.calls == [7, 7, 4, 4], "a row for each source and target; in the last n_min steps the targets alone"
    for edit, found in zip(edits, together, strict=True):
        alone = flow_edit(
            model, edit.x_src, edit.source, edit.targets, sigma_start=0.9, steps=4, n_min=2, noise=edit.noise
        )
        assert all(torch.equal(ours, theirs) for ours, theirs in zip(found, alone, strict=True))


def test_edits_that_go_together_have_noise_of_their_own(model: GaussianFlow, x_src: Tensor) -> None:
    (first,), (second,) = flow_edits(model, [Edit(x_src, NARROW, [WIDE])] * 2, sigma_start=0.9, steps=4)

    assert not torch.equal(first, second)


def test_the_source_is_evaluated_once_for_all_targets(model: GaussianFlow, x_src: Tensor) -> None:
    flow_edit(model, x_src, DARK, [BRIGHT, NARROW, WIDE], sigma_start=0.9, steps=5, n_min=2)

    assert model.calls == [4, 4, 4, 3, 3], "1 + K branches a step; in the last n_min steps the targets alone"


def test_averaging_draws_reduces_the_variance(model: GaussianFlow, x_src: Tensor) -> None:
    def variance(n_avg: int) -> float:
        edits = [
            flow_edit(model, x_src, NARROW, [WIDE], sigma_start=0.9, steps=4, n_avg=n_avg, generator=seeded(seed))[0]
            for seed in range(40)
        ]
        return float(torch.stack(edits).var(dim=0).mean())

    assert variance(8) < 0.25 * variance(1), "one eighth, were the steps independent of each other"


def test_plain_sampling_at_the_end_reaches_the_target_distribution(model: GaussianFlow) -> None:
    """With n_min = steps from pure noise nothing of the source is left: mean and width are the target's."""
    x_src = torch.full((1, 3, 64, 64), -0.3)

    (sampled,) = flow_edit(model, x_src, DARK, [BRIGHT], sigma_start=1.0, steps=60, n_min=60, generator=seeded())

    assert float(sampled.mean()) == pytest.approx(0.5, abs=0.02)
    assert float(sampled.std()) == pytest.approx(0.4, abs=0.02)


def test_recorded_noise_replaces_the_draws_in_their_order(model: GaussianFlow, x_src: Tensor) -> None:
    generator = seeded()
    calls = (5 - 2) * 3 + 1
    noise = torch.stack([torch.randn(x_src.shape, generator=generator) for _ in range(calls)])
    knobs = {"sigma_start": 0.8, "steps": 5, "n_avg": 3, "n_min": 2}

    (drawn,) = flow_edit(model, x_src, NARROW, [WIDE], generator=seeded(), **knobs)  # type: ignore[arg-type]
    (recorded,) = flow_edit(model, x_src, NARROW, [WIDE], noise=noise, **knobs)  # type: ignore[arg-type]

    assert torch.equal(drawn, recorded)


def test_two_runs_draw_different_noise(model: GaussianFlow, x_src: Tensor) -> None:
    first, second = (flow_edit(model, x_src, NARROW, [WIDE], sigma_start=0.9, steps=4)[0] for _ in range(2))

    assert not torch.equal(first, second)


def test_a_seeded_run_elsewhere_does_not_make_the_default_noise_repeat(x_src: Tensor) -> None:
    draws = []
    for _ in range(2):
        torch.manual_seed(0)
        draws.append(normal_from_entropy(x_src.shape))

    assert not torch.equal(draws[0], draws[1])


def test_noise_from_entropy_is_standard_normal() -> None:
    draw = normal_from_entropy((200_000,)).double()

    assert draw.dtype == torch.float64
    assert bool(torch.isfinite(draw).all())
    assert abs(float(draw.mean())) < 6 / math.sqrt(200_000)
    assert float(draw.var()) == pytest.approx(1.0, abs=0.03)
    assert float((draw.abs() > 1.959964).double().mean()) == pytest.approx(0.05, abs=0.005)
    assert float((draw**4).mean()) == pytest.approx(3.0, abs=0.2)


def test_the_paper_schedule_is_the_tail_of_the_models_own(model: GaussianFlow, x_src: Tensor) -> None:
    """T = 10 and n_max = 6 begin at sigma 0.6, as ``sigma_start`` would."""
    tail = model.sigmas(10, 1.0, (8, 8))[-7:]

    (by_count,) = flow_edit_along(tail, model, x_src, NARROW, [WIDE], generator=seeded())
    (by_sigma,) = flow_edit(model, x_src, NARROW, [WIDE], sigma_start=0.6, steps=6, generator=seeded())

    assert torch.allclose(by_count, by_sigma, atol=1e-5)


def test_progress_counts_every_step_to_the_end(model: GaussianFlow, x_src: Tensor) -> None:
    seen: list[tuple[int, int]] = []

    flow_edit(
        model, x_src, DARK, [BRIGHT], sigma_start=1.0, steps=5, n_avg=2, n_min=2,
        progress=lambda done, total: seen.append((done, total)),
    )  # fmt: skip

    assert seen == [(step, 5) for step in range(1, 6)]


def test_half_precision_sources_are_edited_in_float32(model: GaussianFlow, x_src: Tensor) -> None:
    (edited,) = flow_edit(model, x_src.bfloat16(), DARK, [BRIGHT], sigma_start=1.0, steps=5)

    assert edited.dtype == torch.float32
    assert torch.allclose(edited, x_src.bfloat16().float() + 0.8, atol=1e-5)


class BrokenField:
    """A network that overflows at low noise, as half precision does."""

    def sigmas(self, steps: int, start: float, latent_size: tuple[int, int]) -> Tensor:
        return torch.linspace(start, 0.0, steps + 1)

    def velocities(self, zs: Sequence[Tensor], sigma: float, branches: Sequence[Branch]) -> list[Tensor]:
        return [torch.full_like(z, index * (math.inf if sigma < 0.5 else 1.0)) for index, z in enumerate(zs)]


@pytest.mark.parametrize("n_min", [0, 2])
def test_a_result_that_is_not_finite_is_refused(x_src: Tensor, n_min: int) -> None:
    field: VelocityField = BrokenField()

    with pytest.raises(ModelError, match="target 0 is not finite"):
        flow_edit(field, x_src, DARK, [BRIGHT], sigma_start=0.9, steps=4, n_min=n_min)


def test_a_source_that_is_not_finite_is_refused(model: GaussianFlow, x_src: Tensor) -> None:
    x_src[0, 0, 0, 0] = math.nan

    with pytest.raises(ModelError, match="not finite"):
        flow_edit(model, x_src, DARK, [BRIGHT], sigma_start=0.9, steps=2)
    with pytest.raises(ModelError, match="not finite"):
        flow_edit(model, x_src, DARK, [BRIGHT], sigma_start=0.0, steps=2)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"sigma_start": 1.2}, "sigma_start must be in"),
        ({"sigma_start": math.nan}, "sigma_start must be in"),
        ({"steps": 0}, "at least one step"),
        ({"n_avg": 0}, "n_avg must be"),
        ({"n_min": 5}, r"n_min in \[0, 4\]"),
        ({"targets": []}, "at least one target"),
        ({"targets": [], "sigma_start": 0.0}, "at least one target"),
        ({"noise": torch.zeros(3, 2, 3, 8, 8)}, "recorded noise must be"),
        ({"noise": torch.zeros(4, 2, 3, 8, 8), "generator": seeded()}, "exclude each other"),
    ],
)
def test_arguments_without_meaning_are_refused(
    model: GaussianFlow, x_src: Tensor, arguments: dict[str, object], complaint: str
) -> None:
    usual: dict[str, object] = {"targets": [BRIGHT], "sigma_start": 0.8, "steps": 4}

    with pytest.raises(ValueError, match=complaint):
        flow_edit(model, x_src, DARK, **{**usual, **arguments})  # type: ignore[arg-type]


@pytest.mark.parametrize("sigmas", [[0.5], [0.5, 0.5, 0.0], [0.2, 0.4, 0.0], [0.8, 0.1], [1.5, 0.5, 0.0]])
def test_a_schedule_must_descend_to_zero(model: GaussianFlow, x_src: Tensor, sigmas: list[float]) -> None:
    with pytest.raises(ValueError, match="sigmas must descend"):
        flow_edit_along(torch.tensor(sigmas), model, x_src, DARK, [BRIGHT])


@pytest.mark.parametrize(("n_avg", "n_min"), [(1, 0), (3, 0), (1, 2), (3, 2), (2, 5)])
@pytest.mark.parametrize("scales", [(1.0, 1.0), (1.0, 4.0), (2.0, 4.0)])
def test_the_edit_is_algorithm_1_on_plain_numbers(n_avg: int, n_min: int, scales: tuple[float, float]) -> None:
    """The paper's algorithm written out for two Gaussians and their exact velocities, in float64."""
    source, target, empty = GaussianPrompt(-0.3, 0.3), GaussianPrompt(0.5, 0.6), GaussianPrompt(0.0)
    levels = [0.9, 0.72, 0.54, 0.36, 0.18, 0.0]
    calls = (5 - n_min) * n_avg + bool(n_min)
    noise = torch.randn(calls, 1, 3, 8, 8, generator=seeded())
    x_src = torch.randn(1, 3, 8, 8, generator=seeded(3)) * 0.3

    def guided(z: Tensor, sigma: float, prompt: GaussianPrompt, scale: float) -> Tensor:
        """Each field is ``slope * z + offset`` with Bayes' coefficients for Gaussian data and noise."""
        fields = []
        for each in (empty, prompt):
            variance = (1 - sigma) ** 2 * each.deviation**2 + sigma**2
            data = each.mean + (1 - sigma) * each.deviation**2 / variance * (z - (1 - sigma) * each.mean)
            fields.append((z - data) / sigma)
        return fields[0] + scale * (fields[1] - fields[0])

    z, x, draws = x_src.double(), x_src.double(), iter(noise.double())
    for index in range(5 - n_min):
        sigma, change = levels[index], torch.zeros_like(x)
        for _ in range(n_avg):
            z_src = (1 - sigma) * x + sigma * next(draws)
            v_tar = guided(z + z_src - x, sigma, target, scales[1])
            change += (v_tar - guided(z_src, sigma, source, scales[0])) / n_avg
        z = z + (levels[index + 1] - sigma) * change
    if n_min:
        sigma = levels[5 - n_min]
        z = z + (1 - sigma) * x + sigma * next(draws) - x
        for index in range(5 - n_min, 5):
            z = z + (levels[index + 1] - levels[index]) * guided(z, levels[index], target, scales[1])

    (edited,) = flow_edit_along(
        torch.tensor(levels), GaussianFlow(), x_src, Branch(source, scales[0]), [Branch(target, scales[1])],
        n_avg=n_avg, n_min=n_min, noise=noise,
    )  # fmt: skip

    assert float((edited.double() - z).abs().max()) <= 1e-5
