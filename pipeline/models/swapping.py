"""The swapping network: shown a photograph and a persona's portrait, it says how the one takes the other's place.

It is shown both beside the noised picture (see ``healing``), and what it says are smooth fields: they can be laid on
the photograph at its own resolution.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from pipeline.models.base import Prompt, check_pixels
from pipeline.models.pixel_flow import PixelFlow
from pipeline.models.portraits import Portraits
from pipeline.models.precision import fast_precision, on_one_thread
from pipeline.models.trunk import NetConfig, Trunk, enlarged, trusted
from pipeline.vocabulary import ClinicalPrompt

_REACH = 0.25
"""Furthest that hair and outlines are drawn aside, in half sides of the square."""
_CERTAIN, _DOUBT = 8.0, 4.0
"""Slope and offset of the portrait's share before anything is learned: 0.98 in the midst of its face, 0.02 beyond."""
_LIGHT = 16
"""Places along each side in which the light on a swapped face is given."""
_HELD = 0.9
"""How far the portrait is held still in the midst of its face. Features that do not quite meet their truth are least
wrong where they are drawn away: eyes were drawn shut."""
_BOUND = 1.0
"""How far the network is kept from deciding on that share in the midst of the face. Left free it showed both people at
once there, since a mixture of two faces that do not quite meet is less wrong than either, and nobody's."""


class SwappingNet(nn.Module):
    """z [B,3,R,R] in [-1,1] plus noise, sigma [B] in [0,1], tokens int64 [B, fields], the photograph [B,3,R,R], a
    persona's portrait over its face [B,4,R,R] (see ``Portraits``; 0 where no persona is named) to an ``Alteration``.

    Photograph and portrait are each drawn into shape, so that hair and jaw come to fit the new head; the portrait takes
    the photograph's place where it shows its face, more or less of it where the network says so; and the light on it
    is set. A network that has learned nothing yet lays the relit portrait on the face. Where nobody is named nothing
    changes.
    """

    def __init__(self, config: NetConfig) -> None:
        super().__init__()
        self.config = config
        self.portraits = Portraits(config.fields[-1] - 1, config.views, config.resolution)
        self.trunk = Trunk(config, seen=3 + 3 + 4, said=3 + 3 + 1)
        self.shape = nn.Conv2d(config.channels[-1], 4, 3, padding=1)
        self._keep_shapes()

    def begin_with(self, weights: dict[str, Tensor]) -> None:
        """What the trunk of another network has learned to see, as far as it fits, with nothing said yet."""
        own = self.state_dict()
        shared = {
            name: value
            for name, value in weights.items()
            if name.startswith("trunk.") and name in own and own[name].shape == value.shape
        }
        self.load_state_dict({**own, **shared})
        self.trunk.say_nothing()
        self._keep_shapes()

    def _keep_shapes(self) -> None:
        nn.init.zeros_(self.shape.weight)
        assert self.shape.bias is not None
        nn.init.zeros_(self.shape.bias)

    def forward(self, z: Tensor, sigma: Tensor, tokens: Tensor, photograph: Tensor, portrait: Tensor) -> Alteration:
        persona, face = relit(portrait, photograph).split([3, 1], 1)
        seen = torch.cat([trusted(z, sigma), photograph, persona, face], 1)
        said, innermost = self.trunk(seen, sigma, tokens)
        added, gain, share = said.split([3, 3, 1], 1)
        shapes = torch.tanh(self.shape(innermost).float()) * _REACH  # [B, 4, R/4, R/4]
        photographs, portraits = shapes.chunk(2, 1)
        portraits = portraits * (1 - _HELD * functional.interpolate(face, shapes.shape[-2:], mode="area"))
        named = (face.amax((1, 2, 3), keepdim=True) > 0).float()
        return Alteration(torch.cat([photographs, portraits], 1), share, gain.clamp(-4, 2), added, named)


@dataclass(frozen=True, eq=False)
class Alteration:
    """A swap before it is done, as smooth fields: they can be enlarged where a finished picture would only blur."""

    shapes: Tensor
    """[B, 4, r, r]: where each place of the photograph and of the portrait is taken from, in half sides."""
    share: Tensor
    """[B, 1, R, R], a logit: how much of the portrait is shown, beyond what its cover says."""
    gain: Tensor
    """[B, 3, R, R]: logarithm of what intensities are multiplied by…"""
    added: Tensor
    """[B, 3, R, R]: …and what is added to them."""
    named: Tensor
    """[B, 1, 1, 1]: 1 where a persona is named."""

    def applied(self, photograph: Tensor, portrait: Tensor) -> Tensor:
        """The edited picture, of the size of ``photograph`` [B,3,S,S] and ``portrait`` [B,4,S,S], whatever S is."""
        side = photograph.shape[-1]
        persona, face = relit(portrait, photograph).split([3, 1], 1)
        share, gain, added = (enlarged(field, side) for field in (self.share, self.gain, self.added))
        shown = torch.sigmoid(share * (1 - _BOUND * face) + _CERTAIN * face - _DOUBT)
        mixed = (1 - shown) * _drawn(photograph, self.shapes[:, :2]) + shown * _drawn(persona, self.shapes[:, 2:])
        intended = (mixed + 1) * gain.exp() + added
        # A swapped face takes its light from what was intended, its features from the portrait: where the two did not
        # quite meet in training, the network learned to wash features out, which is less wrong, and nobody.
        light = (_smoothed(intended).clamp(min=0) + 0.05) / (_smoothed(mixed + 1) + 0.05)
        return torch.where(self.named > 0, (mixed + 1) * light - 1, photograph)


@dataclass(frozen=True, eq=False)
class Subject:
    """Whose swap it is: the photograph, float32 [1, 3, R, R] in [-1, 1], and the face in it.

    ``landmarks``: (5, 2) in pixels of the square, in YuNet's order; ``None`` where there is no face.
    """

    photograph: Tensor
    landmarks: NDArray[np.float64] | None = None


@dataclass(frozen=True, eq=False)
class SwappingPrompt(Prompt):
    """One word index for each field, 0 where nothing is said, and the pictures that the network sees beside z."""

    tokens: tuple[int, ...]
    photograph: Tensor
    """[1, 3, R, R]"""
    portrait: Tensor
    """[1, 4, R, R]"""
    large_portrait: Callable[[int], Tensor] = field(repr=False)
    """The same [1, 4, S, S] at any side S."""


class SwappingFlow(PixelFlow[tuple[ClinicalPrompt, Subject], SwappingPrompt]):
    """Rectified flow from a photograph to the persona that the prompt names; to itself where it names none."""

    prompt_kind = SwappingPrompt

    def __init__(self, net: SwappingNet, digest: str) -> None:
        super().__init__(net.config.resolution, digest)
        self.net = net.eval().requires_grad_(False)

    def embed(self, words: tuple[ClinicalPrompt, Subject]) -> SwappingPrompt:
        """What is said, and of which photograph. ``UnusablePhotograph`` if that is not of the model's size."""
        prompt, subject = words
        check_pixels(subject.photograph, self.resolution)
        tokens = prompt.tokens()
        landmarks = np.full((5, 2), np.nan) if subject.landmarks is None else subject.landmarks
        persona, portraits = torch.tensor(tokens[-1:]), self.net.portraits
        laid = partial(portraits.beside, persona, torch.from_numpy(landmarks)[None])
        return SwappingPrompt(tokens, subject.photograph.float(), laid(), laid)

    def clean(self, z: Tensor, sigma: Tensor, prompts: list[SwappingPrompt]) -> Tensor:
        tokens = torch.tensor([prompt.tokens for prompt in prompts])
        photographs = torch.cat([prompt.photograph for prompt in prompts])
        portraits = torch.cat([prompt.portrait for prompt in prompts])
        swap: Alteration = self.net(z, sigma, tokens, photographs, portraits)
        return swap.applied(photographs, portraits)

    def enlarged(self, edited: Tensor, photograph: Tensor, prompt: SwappingPrompt) -> Tensor:
        """The edit of ``photograph`` [1, 3, S, S], the square finer than R, that shrinks to ``edited`` [1, 3, R, R].

        ``prompt``: the target's. An edit is made of shapes, shares and gains, which are smooth: laid on the finer
        photograph and portrait they give what enlarging the edited picture would blur.
        """
        sigma, tokens = torch.ones(1), torch.tensor([prompt.tokens])
        with torch.inference_mode(), fast_precision(), on_one_thread():
            alteration = self.net(edited, sigma, tokens, prompt.photograph, prompt.portrait)
        side = photograph.shape[-1]
        with torch.inference_mode():
            fine = alteration.applied(photograph, prompt.large_portrait(side))
            lost = edited - functional.interpolate(fine, edited.shape[-2:], mode="area")
            whole: Tensor = (fine + functional.interpolate(lost, (side, side), mode="bicubic")).clamp(-1, 1)
        return whole

    def likeness(self, descriptor: NDArray[np.float64]) -> list[float]:
        """How alike each persona is to the face of SFace's ``descriptor`` (128,): cosines around their common mean."""
        personas = self.net.portraits.descriptors[1:].double().numpy()
        centre = personas.mean(0)
        patient = descriptor / np.linalg.norm(descriptor) - centre
        return [float(value) for value in (personas - centre) @ patient / np.linalg.norm(patient)]


def _smoothed(field: Tensor) -> Tensor:
    side = field.shape[-1]
    return enlarged(functional.interpolate(field, (_LIGHT, _LIGHT), mode="area"), side)


def _drawn(picture: Tensor, shape: Tensor) -> Tensor:
    """The picture [B,3,R,R] with each place taken from where ``shape`` [B,2,r,r] says: right, down, in half sides."""
    side = picture.shape[-1]
    axis = (2 * torch.arange(side, device=picture.device) + 1) / side - 1
    shift = functional.interpolate(shape, (side, side), mode="bilinear")
    grid = torch.stack([axis[None, None, :] + shift[:, 0], axis[None, :, None] + shift[:, 1]], -1)
    return functional.grid_sample(picture, grid, padding_mode="border", align_corners=False)


def relit(portrait: Tensor, photograph: Tensor) -> Tensor:
    """The portrait [B,4,R,R] with its large shades and colours exchanged for those of the photograph [B,3,R,R] there:
    the persona's features in the patient's complexion and light."""
    colours, face = portrait.split([3, 1], 1)
    side = photograph.shape[-1]

    def coarse(values: Tensor) -> Tensor:
        """Means over about a third of the distance between the eyes to each side."""
        values = functional.interpolate(values, (32, 32), mode="area")
        for _ in range(2):
            values = functional.avg_pool2d(values, 5, 1, 2, count_include_pad=False)
        return functional.interpolate(values, (side, side), mode="bilinear")

    # Beyond the face there is little to compare, but something everywhere.
    weight = face + 0.01
    total = coarse(weight)
    light = coarse((photograph + 1) * weight) / total
    shade = coarse((colours + 1) * weight) / total
    ratio = (light + 0.02) / (shade + 0.02)
    return torch.cat([((colours + 1) * ratio - 1).clamp(-1, 1) * (face.amax((1, 2, 3), keepdim=True) > 0), face], 1)
