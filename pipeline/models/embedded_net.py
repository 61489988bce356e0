"""The network of the embedded model: an SD3 transformer over 16 x 16 places of a face, between two convolutional ramps.

It works on pixels and predicts the clean image, trained with a velocity loss ("Back to Basics: Let Denoising
Generative Models Denoise", Li & He, arXiv 2511.13720). Like an editing model (InstructPix2Pix, Brooks et al., arXiv
2211.09800; FLUX.1 Kontext, arXiv 2506.15742) it is shown the photograph that is edited beside the noised picture, and
says what the caption changes in it. The transformer decides what is where and listens to the words; the ramps, with
skips across them as in a U-Net (Ronneberger et al., arXiv 1505.04597) and in hourglass transformers (Crowson et al.,
arXiv 2401.11605), carry texture past it. A flow that had to draw whole faces from noise was, with the pictures that two
cores can show it in an hour, still learning to copy its input.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from diffusers import SD3Transformer2DModel
from diffusers.models.embeddings import Timesteps
from torch import Tensor, nn
from torch.nn import functional

from pipeline.errors import ModelError
from pipeline.models.portraits import Portraits

PIXEL_DEVIATION = 0.5
"""Standard deviation of rendered photographs' pixels in [-1, 1]."""
FOLD = 2
"""Pixels are folded 2 x 2 into channels before the first convolution."""
_SEEN = 3 + 3 + 4
"""Channels: z, the photograph, the portrait with its cover."""
_SAID = 3 + 3 + 1
"""Channels: what is added, the logarithm of what light is multiplied by, the portrait's share."""
_REACH = 0.25
"""Furthest that hair and outlines are drawn aside, in half sides of the square."""
_CERTAIN, _DOUBT = 8.0, 4.0
"""Slope and offset of the portrait's share before anything is learned: 0.98 in the midst of its face, 0.02 beyond."""
_LIGHT = 16
"""Places along each side in which the light on a swapped face is given."""
_BOUND = 1.0
"""How far the network is kept from deciding on that share in the midst of the face. Left free it showed both people at
once there, since a mixture of two faces that do not quite meet is less wrong than either, and nobody's."""


@dataclass(frozen=True)
class NetConfig:
    """Size of the network. The vocabulary is part of it: a token means nothing without the field it belongs to."""

    fields: tuple[int, ...]
    """Number of words of each clinical field, "unspecified" included (its index is 0). The last one is the persona."""
    resolution: int = 128
    """Pixels along each side of the square that is edited."""
    channels: tuple[int, int] = (48, 96)
    """Of the ramps, at a half and at a quarter of the resolution."""
    width: int = 192
    """Of the transformer, at an eighth."""
    heads: int = 3
    """Of 64 channels: fewer, wider heads are a third faster on a CPU than six of 32."""
    layers: int = 4
    views: int = 10
    """Sides from which each persona's portrait is kept."""

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "fields": list(self.fields), "channels": list(self.channels)}

    @staticmethod
    def from_json(data: dict[str, Any]) -> NetConfig:
        try:
            return NetConfig(**{**data, "fields": tuple(data["fields"]), "channels": tuple(data["channels"])})
        except (KeyError, TypeError) as error:
            raise ModelError(f"the embedded model's configuration is not understood: {error}") from error


class EmbeddedNet(nn.Module):
    """x_hat = net(z, sigma, tokens, photograph, portrait): z [B,3,R,R] in [-1,1] plus noise, sigma [B] in [0,1], tokens
    int64 [B, fields], the photograph that is edited [B,3,R,R], a persona's portrait over its face [B,4,R,R] (see
    ``Portraits``; 0 where no persona is named).

    What it computes is the edit. Photograph and portrait are each drawn into shape, so that hair and jaw come to fit
    the new head; the portrait takes the photograph's place where it shows its face, more or less of it where the
    network says so; colours are multiplied, as by a pigment or a light; and something is added. A network that has
    learned nothing yet lays the relit portrait on the face. Where nobody is named all shapes stay.
    """

    offsets: Tensor

    def __init__(self, config: NetConfig) -> None:
        super().__init__()
        self.config = config
        fine, coarse = config.channels
        self.register_buffer("offsets", torch.tensor([0, *config.fields[:-1]]).cumsum(0), persistent=False)
        self.portraits = Portraits(config.fields[-1] - 1, config.views, config.resolution)
        self.words = nn.Embedding(sum(config.fields), config.width)
        nn.init.normal_(self.words.weight, std=1.0)
        self.noise_level: Any = Timesteps(64, flip_sin_to_cos=True, downscale_freq_shift=0)
        self.condition = nn.Sequential(nn.Linear(64 + config.width, 192), nn.SiLU(), nn.Linear(192, 192), nn.SiLU())
        self.enter = nn.Conv2d(_SEEN * FOLD**2, fine, 3, padding=1)
        self.fine_down = Residual(fine, fine)
        self.to_coarse = nn.Conv2d(fine, coarse, 2, stride=2)
        self.coarse_down = Residual(coarse, coarse)
        self.to_tokens = nn.Conv2d(coarse, config.width, 2, stride=2)
        grid = config.resolution // 8
        self.transformer: Any = SD3Transformer2DModel(
            sample_size=grid,
            patch_size=1,
            in_channels=config.width,
            out_channels=config.width,
            num_layers=config.layers,
            attention_head_dim=config.width // config.heads,
            num_attention_heads=config.heads,
            joint_attention_dim=config.width,
            caption_projection_dim=config.width,
            pooled_projection_dim=config.width,
            pos_embed_max_size=grid,
            qk_norm="rms_norm",
        )
        self.from_tokens = nn.ConvTranspose2d(config.width, coarse, 2, stride=2)
        self.coarse_up = Residual(2 * coarse, coarse)
        self.from_coarse = nn.ConvTranspose2d(coarse, fine, 2, stride=2)
        self.fine_up = Residual(2 * fine, fine)
        self.shape = nn.Conv2d(coarse, 4, 3, padding=1)
        self.leave = nn.Conv2d(fine, _SAID * FOLD**2, 3, padding=1)
        self._say_nothing()

    def _say_nothing(self) -> None:
        """Last layers that change nothing yet."""
        for last in (self.shape, self.leave):
            nn.init.zeros_(last.weight)
            assert last.bias is not None
            nn.init.zeros_(last.bias)

    def begin_with(self, weights: dict[str, Tensor]) -> None:
        """The features of another network of this size, with this one's own portraits and nothing said yet."""
        features = {name: value for name, value in weights.items() if not name.startswith("portraits.")}
        own = {name: value for name, value in self.state_dict().items() if name.startswith("portraits.")}
        self.load_state_dict({**features, **own})
        self._say_nothing()

    def forward(
        self, z: Tensor, sigma: Tensor, tokens: Tensor, photograph: Tensor, portrait: Tensor
    ) -> tuple[Tensor, Tensor]:
        """x_hat, and the share of it that is altered as a logit [B,1,R,R] (see ``Alteration``)."""
        alteration = self.alteration(z, sigma, tokens, photograph, portrait)
        return alteration.applied(photograph, portrait), alteration.share

    def alteration(
        self, z: Tensor, sigma: Tensor, tokens: Tensor, photograph: Tensor, portrait: Tensor
    ) -> Alteration:
        """What is to be done with photograph and portrait; ``forward`` does it at the network's own resolution."""
        words = self.words(tokens + self.offsets)  # [B, fields, width]
        pooled = words.mean(1) * words.shape[1] ** 0.5
        condition = self.condition(torch.cat([self.noise_level(sigma * 1000), pooled], 1))  # [B, 192]
        persona, face = relit(portrait, photograph).split([3, 1], 1)
        seen = torch.cat([z * _trust(sigma)[:, None, None, None], photograph, persona, face], 1)
        seen = functional.pixel_unshuffle(seen, FOLD).contiguous(memory_format=torch.channels_last)
        fine = self.fine_down(self.enter(seen), condition)  # R/2
        coarse = self.coarse_down(self.to_coarse(fine), condition)  # R/4
        places = self.to_tokens(coarse)  # [B, width, R/8, R/8]
        places = places + self.transformer(
            hidden_states=places, encoder_hidden_states=words, pooled_projections=pooled, timestep=sigma * 1000
        ).sample
        up = self.coarse_up(torch.cat([self.from_tokens(places), coarse], 1), condition)
        named = (face.amax((1, 2, 3), keepdim=True) > 0).float()
        shapes = torch.tanh(self.shape(up).float()) * _REACH * named  # [B, 4, R/4, R/4]
        up = self.fine_up(torch.cat([self.from_coarse(up), fine], 1), condition)
        added, gain, share = functional.pixel_shuffle(self.leave(up), FOLD).float().split([3, 3, 1], 1)
        return Alteration(shapes, share, gain.clamp(-4, 2), added, named)


@dataclass(frozen=True, eq=False)
class Alteration:
    """An edit before it is done, as smooth fields: they can be enlarged where a finished picture would only blur."""

    shapes: Tensor
    """[B, 4, r, r]: where each place of the photograph and of the portrait is taken from, in half sides."""
    share: Tensor
    """[B, 1, R, R], a logit: how much of the portrait is shown, beyond what its cover says; where nobody is named, how
    much of the picture is altered at all."""
    gain: Tensor
    """[B, 3, R, R]: logarithm of what intensities are multiplied by."""
    added: Tensor
    """[B, 3, R, R]"""
    named: Tensor
    """[B, 1, 1, 1]: 1 where a persona is named."""

    def applied(self, photograph: Tensor, portrait: Tensor) -> Tensor:
        """The edited picture, of the size of ``photograph`` [B,3,S,S] and ``portrait`` [B,4,S,S], whatever S is."""
        side = photograph.shape[-1]
        persona, face = relit(portrait, photograph).split([3, 1], 1)
        share, gain, added = (_enlarged(field, side) for field in (self.share, self.gain, self.added))
        shown = self.named * torch.sigmoid(share * (1 - _BOUND * face) + _CERTAIN * face - _DOUBT)
        mixed = (1 - shown) * _drawn(photograph, self.shapes[:, :2]) + shown * _drawn(persona, self.shapes[:, 2:])
        altered = torch.where(self.named > 0, torch.ones_like(share), torch.sigmoid(share))
        intended = (mixed + 1) * (gain * altered).exp() + added * altered
        # A swapped face takes its light from what was intended, its features from the portrait: where the two did not
        # quite meet in training, the network learned to wash features out, which is less wrong, and nobody.
        light = (_smoothed(intended).clamp(min=0) + 0.05) / (_smoothed(mixed + 1) + 0.05)
        return torch.where(self.named > 0, (mixed + 1) * light, intended) - 1


def _smoothed(field: Tensor) -> Tensor:
    side = field.shape[-1]
    return _enlarged(functional.interpolate(field, (_LIGHT, _LIGHT), mode="area"), side)


def _enlarged(field: Tensor, side: int) -> Tensor:
    if field.shape[-1] == side:
        return field
    return functional.interpolate(field, (side, side), mode="bicubic")


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


def _trust(sigma: Tensor) -> Tensor:
    """Weight of z in the best linear guess at x from z = (1 - sigma) x + sigma eps alone (Wiener's; the skip weight of
    Karras et al., arXiv 2206.00364). Where z is all noise it fades, and does not drown the photograph."""
    signal = (1 - sigma) * PIXEL_DEVIATION
    return signal * PIXEL_DEVIATION / (signal**2 + sigma**2)


class Residual(nn.Module):
    """Two 3 x 3 convolutions around a shortcut; the condition [B, 192] scales and shifts between them."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.GroupNorm(8, inside), nn.SiLU(), nn.Conv2d(inside, outside, 3, padding=1))
        self.middle = nn.GroupNorm(8, outside, affine=False)
        self.modulation = nn.Linear(192, 2 * outside)
        self.second = nn.Conv2d(outside, outside, 3, padding=1)
        self.shortcut = nn.Conv2d(inside, outside, 1) if inside != outside else nn.Identity()
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        scale, shift = self.modulation(condition)[:, :, None, None].chunk(2, 1)
        hidden = self.middle(self.first(x)) * (1 + scale) + shift
        out: Tensor = self.shortcut(x) + self.second(functional.silu(hidden))
        return out
