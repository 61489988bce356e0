"""One edit of one square, as FlowEdit makes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pipeline.edits.flowedit import flow_edit
from pipeline.models import Branch, PixelFlow, Prompt, on_one_thread, rgb_from_pixels
from pipeline.photograph import Rgb


@dataclass(frozen=True)
class EditKnobs:
    """FlowEdit's knobs for one of the edits. Guidance scales are for models that take one; the embedded does not."""

    sigma_start: float
    steps: int
    n_avg: int = 1
    source_guidance: float = 1.0
    target_guidance: float = 1.0
    support: float = 0.0
    """With ``terminal`` as in ``Fidelity``; of a healing alone."""
    terminal: float = 0.0
    target_only: bool = False
    """Guided away from the source's words instead of from none; for models with classifier-free guidance."""


def edited(model: PixelFlow[Any, Any], photograph: Tensor, prompts: Sequence[Prompt], knobs: EditKnobs) -> Rgb:
    """FlowEdit from the first of the prompts to the second, in pixel space."""
    source, target = (Branch(prompt) for prompt in prompts)
    with torch.inference_mode(), on_one_thread():
        (edited,) = flow_edit(
            model,
            model.encode(photograph),
            source,
            [target],
            sigma_start=knobs.sigma_start,
            steps=knobs.steps,
            n_avg=knobs.n_avg,
        )
    return rgb_from_pixels(model.decode(edited))
