"""The healing network: shown a photograph, it says where disease is and what the skin below it looks like.

Predicts the clean image, trained with pictures of the same patient with and without the lesion ("Back to Basics: Let
Denoising Generative Models Denoise", Li & He, arXiv 2511.13720). Like an editing model (InstructPix2Pix, Brooks et al.,
arXiv 2211.09800; FLUX.1 Kontext, arXiv 2506.15742) it sees the photograph that is edited beside the noised picture. A
flow that had to draw whole faces from noise was, with the pictures that two cores can show it in an hour, still
learning to copy its input.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pipeline.models.base import Prompt, check_pixels
from pipeline.models.pixel_flow import PixelFlow
from pipeline.models.trunk import NetConfig, Trunk, trusted
from pipeline.vocabulary import ClinicalPrompt


@dataclass(frozen=True, eq=False)
class Healing:
    """An edit of skin before it is done.

    Colours are multiplied, as a pigment's or a vessel's light is taken back, and something is added; both where
    ``share`` says. A network that found a place and does not know what to do there changes nothing.
    """

    share: Tensor
    """[B, 1, R, R], a logit: how much of a pixel is altered at all."""
    gain: Tensor
    """[B, 3, R, R]: logarithm of what intensities are multiplied by."""
    added: Tensor
    """[B, 3, R, R]"""

    def applied(self, photograph: Tensor, where: Tensor | None = None) -> Tensor:
        """The healed picture [B, 3, R, R]; ``where`` [B, 1, R, R] in [0, 1] instead of what the network says."""
        altered = torch.sigmoid(self.share) if where is None else where
        return (photograph + 1) * (self.gain * altered).exp() + self.added * altered - 1


@dataclass(frozen=True, eq=False)
class Found:
    """What another network says of a photograph: where disease is, a logit [1, 1, R, R]; and, if it knows that, the
    logarithm of what coded values are multiplied by to heal it, [1, 3, R, R]."""

    logits: Tensor
    gain: Tensor | None = None


@dataclass(frozen=True)
class Sureness:
    """How sure a network must be of a pixel before it is altered: a logistic of the logit of its share.

    As it was trained where not given: in proportion to the share.
    """

    slope: float = 1.0
    """Of the logistic, where a network for places was asked as well…"""
    alone: float = 1.0
    """…and where none was."""
    half: float = 0.0
    """The logit at which half of the alteration is done."""
    beside: float = 0.5
    """Weight of what a network for places alone has found, where it was asked; the rest is this one's own."""

    def of(self, share: Tensor, found: Sequence[Found | None]) -> Tensor:
        """In [0, 1], as large as ``share`` [B, 1, R, R]; of each picture what was ``found``."""
        logits = [
            self.alone * (own - self.half)
            if other is None
            else self.slope * ((1 - self.beside) * own + self.beside * other.logits - self.half)
            for own, other in zip(share.split(1), found, strict=True)
        ]
        return torch.sigmoid(torch.cat(logits))


_SEEN, _STRONGER = 0.12, 3.0
"""Mean over colours of the logarithm that is plainly seen, and by how much a fainter one is made stronger for it."""


def in_colours_of(own: Healing, found: Sequence[Found | None]) -> Healing:
    """``own`` healing where it is sure that something is altered; elsewhere as was ``found`` of each picture, if that
    says how, and plainly: who is not sure of colours says less than they are, and it would not be seen."""
    gains, added = [], []
    for gain, more, share, other in zip(
        *(each.split(1) for each in (own.gain, own.added, own.share)), found, strict=True
    ):
        if other is None or other.gain is None:
            gains.append(gain)
            added.append(more)
            continue
        strength = other.gain.abs().mean(1, keepdim=True)
        plainly = other.gain * (_SEEN / strength.clamp(min=_SEEN / _STRONGER)).clamp(min=1)
        gains.append(torch.where(share > 0, gain, plainly))
        added.append(torch.where(share > 0, more, torch.zeros_like(more)))
    return Healing(own.share, torch.cat(gains), torch.cat(added))


class HealingNet(nn.Module):
    """z [B,3,R,R] in [-1,1] plus noise, sigma [B] in [0,1], tokens int64 [B, fields], the photograph [B,3,R,R] to a
    ``Healing``; one that has learned nothing yet changes nothing."""

    def __init__(self, config: NetConfig) -> None:
        super().__init__()
        self.config = config
        self.trunk = Trunk(config, seen=3 + 3, said=1 + 3 + 3)

    def forward(self, z: Tensor, sigma: Tensor, tokens: Tensor, photograph: Tensor) -> Healing:
        said, _ = self.trunk(torch.cat([trusted(z, sigma), photograph], 1), sigma, tokens)
        share, gain, added = said.split([1, 3, 3], 1)
        return Healing(share, gain.clamp(-4, 2), added)

    def begin_with(self, weights: dict[str, Tensor]) -> None:
        """Go on from ``weights``, which may be those of a network that sees a larger square."""
        places = "trunk.transformer.pos_embed.pos_embed"
        weights = weights | {places: _middle(weights[places], self.config.grid)}
        self.load_state_dict(weights)


def _middle(places: Tensor, grid: int) -> Tensor:
    """The embeddings [1, grid², width] of the innermost places of a larger grid."""
    side = math.isqrt(places.shape[1])
    first = (side - grid) // 2
    square = places.unflatten(1, (side, side))[:, first : first + grid, first : first + grid]
    innermost: Tensor = square.flatten(1, 2).contiguous()
    return innermost


@dataclass(frozen=True, eq=False)
class HealingPrompt(Prompt):
    """One word index for each field, 0 where nothing is said, the photograph [1, 3, R, R] beside z, and what a network
    for places alone found in it, if it was asked."""

    tokens: tuple[int, ...]
    photograph: Tensor
    found: Found | None = None


class HealingFlow(PixelFlow[tuple[ClinicalPrompt, Tensor], HealingPrompt]):
    """Rectified flow from a photograph to the same one healed, if the prompt says "healthy"; else to itself."""

    prompt_kind = HealingPrompt

    def __init__(self, net: HealingNet, digest: str, sureness: Sureness | None = None) -> None:
        super().__init__(net.config.resolution, digest)
        self.net, self._sureness = net.eval().requires_grad_(False), sureness or Sureness()

    def embed(self, words: tuple[ClinicalPrompt, Tensor]) -> HealingPrompt:
        """What is said, and of which photograph [1, 3, R, R]. ``UnusablePhotograph`` if that is not of R a side."""
        prompt, photograph = words
        check_pixels(photograph, self.resolution)
        return HealingPrompt(prompt.tokens(), photograph.float())

    def clean(self, z: Tensor, sigma: Tensor, prompts: list[HealingPrompt]) -> Tensor:
        tokens = torch.tensor([prompt.tokens for prompt in prompts])
        photographs = torch.cat([prompt.photograph for prompt in prompts])
        healed: Healing = self.net(z, sigma, tokens, photographs)
        found = [prompt.found for prompt in prompts]
        where = self._sureness.of(healed.share, found)
        return in_colours_of(healed, found).applied(photographs, where)
