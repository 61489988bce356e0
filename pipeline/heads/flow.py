"""A composed head as a flow: what the picture becomes under a prompt is drawn, not learned.

``flow_edit`` applies it like any other edit: the velocity leads from the photograph to the drawn head, at whatever size
the head has in the photograph.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.heads.drawing import Drawing, Head
from pipeline.heads.mesh import Points
from pipeline.models import PixelFlow, Prompt, pixels_from_rgb
from pipeline.photograph import Rgb


@dataclass(frozen=True, eq=False)
class HeadPrompt(Prompt):
    """The picture, float32 [1, 3, H, W] in [-1, 1], that the flow leads to."""

    picture: Tensor


@dataclass(frozen=True, eq=False)
class Sitter:
    """Whose head is exchanged: uint8 (H, W, 3) and the face's mesh in it. ``stirred``: how far what is around the face
    is moved at random, 1 for as far as is usual."""

    rgb: Rgb
    points: Points
    stirred: float = 1.0


class HeadFlow(PixelFlow[tuple[Head | None, Sitter], HeadPrompt]):
    """Rectified flow from a photograph to the head that is named; to itself where none is."""

    prompt_kind = HeadPrompt

    def __init__(self, drawing: Drawing, digest: str) -> None:
        super().__init__(1, digest)  # any size will do
        self._drawing = drawing

    def embed(self, words: tuple[Head | None, Sitter]) -> HeadPrompt:
        """Draws the head. What is drawn at random beside it differs from one prompt to the next."""
        head, sitter = words
        if head is None:
            return HeadPrompt(pixels_from_rgb(sitter.rgb))
        drawn = self._drawing.drawn(sitter.rgb, sitter.points, head, stirred=sitter.stirred)
        return HeadPrompt(pixels_from_rgb(drawn))

    def clean(self, z: Tensor, sigma: Tensor, prompts: list[HeadPrompt]) -> Tensor:
        return torch.cat([prompt.picture for prompt in prompts])
