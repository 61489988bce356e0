"""What may hold an edit to its source besides the prompts. For healing alone, where the rest must stay as it is.

Never for an edit of identity: there, faithfulness to the source is what must not leave.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.models import Branch


@dataclass(frozen=True)
class Fidelity:
    """Both options are off at 0, and FlowEdit is then the published one, bit for bit.

    ``support`` in [0, 1): in each step, the share of the largest difference between the two fields below which a place
    is left alone. A mask that the edit finds itself, from its own difference.

    ``terminal`` in [0, 1): FlowAlign's pull of where the edit would end towards where the source would end (Kim et al.,
    arXiv 2505.23145, terminal point regularisation; they use 0.01), once a step.
    """

    support: float = 0.0
    terminal: float = 0.0

    def __post_init__(self) -> None:
        if not (0.0 <= self.support < 1.0 and 0.0 <= self.terminal < 1.0):
            raise ValueError(f"support and terminal must be in [0, 1), got {self.support} and {self.terminal}")

    def supported(self, change: Tensor) -> Tensor:
        """``change`` [B, C, h, w], the difference of the fields, where it is large, and 0 elsewhere."""
        if self.support == 0.0:
            return change
        energy = change.square().mean(dim=1, keepdim=True)  # [B, 1, h, w]
        # One latent pixel alone is noise: its neighbours have a say.
        energy = torch.nn.functional.avg_pool2d(energy, 3, stride=1, padding=1, count_include_pad=False)
        return change * (energy >= self.support**2 * energy.amax(dim=(2, 3), keepdim=True))

    def pull(self, edit: Tensor, change: Tensor, sigma: float) -> Tensor:
        """What one step at ``sigma`` adds to ``edit``: both fields point straight to an end, and the ends should meet.

        The source's end is ``z_src - sigma * v_src``, the edit's ``z_src + edit - sigma * v_tar``.
        """
        return self.terminal * (sigma * change - edit)


NONE = Fidelity()


def target_only(source: Branch, targets: Sequence[Branch]) -> tuple[Branch, list[Branch]]:
    """The same edit with guidance on its targets alone, led away from the source's words instead of from no words.

    For models with classifier-free guidance (FlowAlign, eq. 16). What both prompts say alike is then not guided, and
    the source costs one evaluation, as it does without guidance.
    """
    return Branch(source.prompt), [
        Branch(target.prompt, target.guidance_scale, negative=source.prompt) for target in targets
    ]
