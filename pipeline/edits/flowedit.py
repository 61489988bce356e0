"""FlowEdit: from one image to another along the difference of two velocity fields, without inverting anything.

Kulikov et al., "FlowEdit: Inversion-Free Text-Based Editing Using Pre-Trained Flow Models", arXiv 2412.08629,
algorithm 1. Everything is written with ``sigma`` (1 is noise, 0 is data) and ``dz/dsigma = noise - data``; see
``pipeline.models.base``.

Neither this module nor its callers keep the noise: whoever has the model, the prompts and the noise can run an edit
backwards. By default every number of it comes straight from the operating system, so no seed ever exists. (A
``torch.Generator`` would be weaker: on the CPU it is a Mersenne twister that takes 32 bits of its seed, few enough to
be tried one by one.)
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from pipeline.edits.fidelity import NONE, Fidelity
from pipeline.errors import ModelError
from pipeline.models import Branch, VelocityField

Progress = Callable[[int, int], None]
"""Called after each step with the number of steps done and of steps in all."""


@dataclass(frozen=True, eq=False)
class Edit:
    """One of several edits that go through the network together: ``x_src`` from ``source`` towards each of ``targets``.

    ``noise``: recorded draws, as ``flow_edit_along`` takes them.
    """

    x_src: Tensor
    source: Branch
    targets: Sequence[Branch]
    noise: Tensor | None = None


def flow_edit(
    model: VelocityField,
    x_src: Tensor,
    source: Branch,
    targets: Sequence[Branch],
    *,
    sigma_start: float,
    steps: int,
    n_avg: int = 1,
    n_min: int = 0,
    fidelity: Fidelity = NONE,
    noise: Tensor | None = None,
    generator: torch.Generator | None = None,
    progress: Progress | None = None,
) -> list[Tensor]:
    """Edit ``x_src`` [B, C, h, w] (the model's z space) from ``source`` towards each of ``targets``.

    ``sigma_start`` in [0, 1]: the noise level at which the edit begins; 0 returns the source, 1 keeps least of it.
    ``steps`` >= 1 from there down to 0. The rest as in ``flow_edit_along``. Returns one float32 [B, C, h, w] a target.
    """
    (edited,) = flow_edits(
        model,
        [Edit(x_src, source, targets, noise)],
        sigma_start=sigma_start,
        steps=steps,
        n_avg=n_avg,
        n_min=n_min,
        fidelity=fidelity,
        generator=generator,
        progress=progress,
    )
    return edited


def flow_edits(
    model: VelocityField,
    edits: Sequence[Edit],
    *,
    sigma_start: float,
    steps: int,
    n_avg: int = 1,
    n_min: int = 0,
    fidelity: Fidelity = NONE,
    generator: torch.Generator | None = None,
    progress: Progress | None = None,
) -> list[list[Tensor]]:
    """As ``flow_edit``, for pictures of one shape with prompts of their own, in one evaluation of the network a step.

    Each has noise of its own. What comes back is by edit, then by its targets.
    """
    if not 0.0 <= sigma_start <= 1.0:
        raise ValueError(f"sigma_start must be in [0, 1], got {sigma_start}")
    if steps < 1:
        raise ValueError(f"at least one step is needed, got {steps}")
    if not edits or not all(edit.targets for edit in edits):
        raise ValueError("at least one target is needed")
    if sigma_start == 0.0:
        return [_finite([edit.x_src.detach().float().clone() for _ in edit.targets]) for edit in edits]
    height, width = edits[0].x_src.shape[-2:]
    sigmas = model.sigmas(steps, sigma_start, (height, width))
    return _along(sigmas, model, edits, n_avg, n_min, fidelity, generator, progress)


def flow_edit_along(
    sigmas: Tensor,
    model: VelocityField,
    x_src: Tensor,
    source: Branch,
    targets: Sequence[Branch],
    *,
    n_avg: int = 1,
    n_min: int = 0,
    fidelity: Fidelity = NONE,
    noise: Tensor | None = None,
    generator: torch.Generator | None = None,
    progress: Progress | None = None,
) -> list[Tensor]:
    """The edit along explicit ``sigmas`` [steps + 1], strictly descending from at most 1, the last one 0.

    The paper's T and n_max are ``model.sigmas(T, 1.0, size)[-(n_max + 1):]``.

    ``n_avg``: draws of noise averaged in each step. ``n_min``: of the steps, the last so many sample plainly from the
    target instead of following the difference. ``fidelity``: what else holds a healing to its source; never for an
    edit of identity. ``noise``: recorded draws [calls, B, C, h, w] with
    ``calls = (steps - n_min) * n_avg + (1 if n_min else 0)``; ``generator``: for repeatable experiments. With neither,
    the operating system's entropy. All targets see the same noise and share one evaluation of the source.

    Raises ``ModelError`` if a result is not finite, ``ValueError`` for arguments that make no sense.
    """
    edit = Edit(x_src, source, targets, noise)
    (edited,) = _along(sigmas, model, [edit], n_avg, n_min, fidelity, generator, progress)
    return edited


@torch.no_grad()
def _along(
    sigmas: Tensor,
    model: VelocityField,
    edits: Sequence[Edit],
    n_avg: int,
    n_min: int,
    fidelity: Fidelity,
    generator: torch.Generator | None,
    progress: Progress | None,
) -> list[list[Tensor]]:
    levels = _levels(sigmas)
    steps = len(levels) - 1
    if not edits or not all(edit.targets for edit in edits):
        raise ValueError("at least one target is needed")
    if n_avg < 1 or not 0 <= n_min <= steps:
        raise ValueError(f"n_avg must be >= 1 and n_min in [0, {steps}], got n_avg={n_avg}, n_min={n_min}")
    xs = [edit.x_src.detach().float() for edit in edits]  # each [B, C, h, w]
    calls = (steps - n_min) * n_avg + (1 if n_min else 0)
    draws = [_draws(x, calls, edit.noise, generator) for x, edit in zip(xs, edits, strict=True)]
    branches = [branch for edit in edits for branch in (edit.source, *edit.targets)]

    # What was changed so far, z_edit - x, starts at exactly 0: equal prompts then see equal inputs and change nothing.
    moved = [[torch.zeros_like(x) for _ in edit.targets] for x, edit in zip(xs, edits, strict=True)]
    for step, (sigma, sigma_next) in enumerate(pairwise(levels[: steps - n_min + 1])):
        change = [[torch.zeros_like(each) for each in of_one] for of_one in moved]
        for _ in range(n_avg):
            z_srcs = [(1.0 - sigma) * x + sigma * next(drawn) for x, drawn in zip(xs, draws, strict=True)]
            zs = [z for z_src, own in zip(z_srcs, moved, strict=True) for z in (z_src, *(z_src + each for each in own))]
            found = iter(model.velocities(zs, sigma, branches))
            for number, sums in enumerate(change):
                v_src = next(found).float()
                change[number] = [so_far + (next(found).float() - v_src) / n_avg for so_far in sums]
        for number, of_one in enumerate(change):
            kept = [fidelity.supported(each) for each in of_one]
            moved[number] = [
                each + (sigma_next - sigma) * c + fidelity.pull(each, c, sigma)
                for each, c in zip(moved[number], kept, strict=True)
            ]
        if progress is not None:
            progress(step + 1, steps)
    ends = [[x + each for each in own] for x, own in zip(xs, moved, strict=True)]

    if n_min:
        sigma = levels[steps - n_min]
        z_srcs = [(1.0 - sigma) * x + sigma * next(drawn) for x, drawn in zip(xs, draws, strict=True)]
        zs = [z_src + each for z_src, own in zip(z_srcs, moved, strict=True) for each in own]
        targets = [branch for edit in edits for branch in edit.targets]
        for step, (sigma, sigma_next) in enumerate(pairwise(levels[steps - n_min :]), start=steps - n_min):
            v_tars = model.velocities(zs, sigma, targets)
            zs = [z + (sigma_next - sigma) * v_tar.float() for z, v_tar in zip(zs, v_tars, strict=True)]
            if progress is not None:
                progress(step + 1, steps)
        sampled = iter(zs)
        ends = [[next(sampled) for _ in own] for own in moved]

    return [_finite(of_one) for of_one in ends]


def normal_from_entropy(shape: Sequence[int], device: torch.device | str = "cpu") -> Tensor:
    """Standard normal float32 of ``shape``, each number from 52 fresh bits of the operating system's entropy."""
    size = torch.Size(shape)
    bits = torch.frombuffer(bytearray(os.urandom(8 * size.numel())), dtype=torch.int64) & ((1 << 52) - 1)
    uniform = (bits.double() + 0.5) * 2.0**-52  # in (0, 1), both ends excluded: 53 significant bits hold it exactly
    normal: Tensor = torch.special.ndtri(uniform)
    return normal.float().reshape(size).to(device)


def _draws(x: Tensor, calls: int, noise: Tensor | None, generator: torch.Generator | None) -> Iterator[Tensor]:
    """The noise of each call, [B, C, h, w] on x's device. Arguments are checked before the first draw."""
    if noise is None:
        return (_draw(x, generator) for _ in range(calls))
    if generator is not None:
        raise ValueError("recorded noise and a generator exclude each other")
    if noise.shape != (calls, *x.shape):
        raise ValueError(f"recorded noise must be {(calls, *x.shape)}, got {tuple(noise.shape)}")
    return (draw.to(device=x.device, dtype=x.dtype) for draw in noise)


def _draw(x: Tensor, generator: torch.Generator | None) -> Tensor:
    if generator is None:
        return normal_from_entropy(x.shape, x.device)
    return torch.randn(x.shape, generator=generator, device=generator.device).to(x.device)


def _levels(sigmas: Tensor) -> list[float]:
    """The schedule as Python floats, checked."""
    levels: list[float] = sigmas.double().tolist()
    descending = all(high > low for high, low in pairwise(levels))
    if len(levels) < 2 or not descending or levels[0] > 1.0 or levels[-1] != 0.0:
        raise ValueError(f"sigmas must descend strictly from at most 1 to exactly 0, got {levels}")
    return levels


def _finite(zs: list[Tensor]) -> list[Tensor]:
    for index, z in enumerate(zs):
        if not bool(torch.isfinite(z).all()):
            raise ModelError(f"the edit towards target {index} is not finite: lower the guidance or use float32")
    return zs
