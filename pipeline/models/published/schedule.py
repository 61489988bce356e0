"""From a number of steps to sigmas, as the published samplers space them, and from any lower start likewise."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from torch import Tensor


def shifted_sigmas(scheduler: Any, grid: np.ndarray[Any, Any] | None, steps: int, mu: float | None) -> Tensor:
    """float32 [steps + 1], last one 0: ``grid`` (unshifted sigmas; ``None`` is the scheduler's own) after its shift."""
    if grid is None:
        scheduler.set_timesteps(steps)
    else:
        scheduler.set_timesteps(sigmas=grid, mu=mu)
    sigmas: Tensor = scheduler.sigmas.cpu().clone()
    return sigmas


def unshifted(sigma: float, shift: float) -> float:
    """The u with ``shift * u / (1 + (shift - 1) * u) == sigma`` (Esser et al., arXiv 2403.03206, eq. 23)."""
    return sigma / (shift - (shift - 1.0) * sigma)


def evenly_spaced(scheduler: Any, steps: int, start: float, mu: float) -> Tensor:
    """Even steps from ``start`` to ``start / steps`` and 0, then the scheduler's shift: float32 [steps + 1].

    ``mu``: the shift's logarithm where it depends on the picture; else the scheduler's own ``shift`` counts.
    """
    first = 1.0 if start == 1.0 else unshifted(start, shift_factor(scheduler, mu))
    return shifted_sigmas(scheduler, np.linspace(first, first / steps, steps), steps, mu)


def shift_factor(scheduler: Any, mu: float) -> float:
    """The factor by which the schedule is shifted, as ``unshifted`` takes it."""
    if not scheduler.config.use_dynamic_shifting:
        return float(scheduler.shift)
    return math.exp(mu) if scheduler.config.time_shift_type == "exponential" else mu


def mu_of_tokens(scheduler: Any, tokens: int) -> float:
    """The shift's logarithm, linear in the number of tokens (FLUX.1's dynamic shift)."""
    config = scheduler.config
    base, most = config.get("base_image_seq_len", 256), config.get("max_image_seq_len", 4096)
    low, high = config.get("base_shift", 0.5), config.get("max_shift", 1.15)
    return float(low + (high - low) / (most - base) * (tokens - base))


def stretched(sigmas: Tensor, terminal: float) -> Tensor:
    """``sigmas`` [steps + 1] with the last step's moved to ``terminal`` times the first and the others in proportion.

    The published samplers stretch from 1; from a lower start the same shape lies below it.
    """
    first, last = float(sigmas[0]), float(sigmas[-2])
    if first == last:
        return sigmas
    moved = first - (first - sigmas.double()) * (first - terminal * first) / (first - last)
    moved[-1] = 0.0
    return moved.float()
