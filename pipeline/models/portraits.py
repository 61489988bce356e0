"""The personas' portraits, and the one of them that is laid beside a photograph: turned as its face is turned."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.models.contact_sheet import ContactSheet

_UNITS = 64
"""Landmarks are kept as whole 64ths of a pixel: weights are stored in bf16, which would round them to half pixels."""
# An ellipse in half sides of the canonical square (``pipeline.faces.framing``), and where its feather begins and ends.
_FACE_HALF_WIDTH, _FACE_HALF_HEIGHT, _FACE_CENTRE = 0.54, 0.64, 0.07
_FACE_BEGIN, _FACE_END = 0.85, 1.15


class Portraits(nn.Module):
    """Each persona seen from several sides, in the canonical square, in one light and one complexion.

    A persona's name alone would have to be learned feature by feature. With a portrait that already lies where the
    patient's face lies, the network has only to fit and to relight it.
    """

    pictures: Tensor
    landmarks: Tensor
    descriptors: Tensor
    lifts: Tensor
    large: Tensor | ContactSheet | None = None
    """The same pictures without the first, uint8 [personas, views, 3, S, S], finer than the network sees them: for
    photographs finer than that."""

    def __init__(self, personas: int, views: int, side: int) -> None:
        super().__init__()
        # The first belongs to nobody.
        self.register_buffer("pictures", torch.zeros(personas + 1, views, 3, side, side, dtype=torch.uint8))
        self.register_buffer("landmarks", torch.zeros(personas + 1, views, 5, 2, dtype=torch.int16))
        # What SFace makes of people in this persona's face: unit length, their mean. 0 until it was measured.
        self.register_buffer("descriptors", torch.zeros(personas + 1, 128))
        # How much lower than the patient's a persona's face lies on the same neck, pixels of the square; 0 likewise.
        self.register_buffer("lifts", torch.zeros(personas + 1))

    def show(self, pictures: Tensor, landmarks: Tensor, lifts: Tensor) -> None:
        """Give the personas their faces: uint8 [personas, views, 3, R, R] and float [personas, views, 5, 2] pixels;
        ``lifts`` [personas]: how much lower their faces lie than the patients', pixels of the square."""
        self.pictures[1:] = pictures
        self.lifts[1:] = lifts
        self.landmarks[1:] = (landmarks * _UNITS).round().to(torch.int16)

    def measure(self, descriptors: Tensor) -> None:
        """Tell what patients in each persona's face are like: the mean [personas, 128] of SFace's unit descriptors."""
        self.descriptors[1:] = descriptors

    def beside(self, persona: Tensor, landmarks: Tensor, side: int | None = None) -> Tensor:
        """The portrait of each persona [B] (0: nobody) laid over a face, as much higher or lower as the persona's face
        lies on the same neck: float32 [B, 4, S, S].

        ``landmarks`` [B, 5, 2]: the face's, as pixels of the network's square [R, R], in YuNet's order. ``side``: S, R
        when it is not given; beyond R the large pictures are shown. Channels: colours in [-1, 1],
        and in [0, 1] how surely the portrait shows its face there and not its scalp, ears or neck. All 0 for nobody
        and for landmarks that are not numbers.
        """
        resolution = self.pictures.shape[-1]
        side = side or resolution
        known = (persona > 0) & landmarks.isfinite().all((1, 2))
        chosen, matrix = self._fit(persona, torch.where(known[:, None, None], landmarks, torch.zeros_like(landmarks)))
        if side > resolution and self.large is not None:
            pictures = self.large[(persona - 1).clamp(min=0), chosen].float() / 127.5 - 1.0
        else:
            pictures = self.pictures[persona, chosen].float() / 127.5 - 1.0
        face = _canonical_face(resolution).expand(len(persona), 1, resolution, resolution)
        size = [len(persona), 1, side, side]
        grid = functional.affine_grid(_unit_frame(matrix, resolution), size, align_corners=False)
        colours = functional.grid_sample(pictures, grid, padding_mode="border", align_corners=False)
        matte = functional.grid_sample(face, grid, align_corners=False)
        return torch.cat([colours, matte], 1) * known.float()[:, None, None, None]

    def placed(self, persona: int, landmarks: Tensor) -> Tensor:
        """Where the landmarks of the portrait come to lie that ``beside`` lays on ``landmarks``; both [5, 2]."""
        chosen, matrix = self._fit(torch.tensor([persona]), landmarks[None])
        turn, shift = matrix[0, :, :2], matrix[0, :, 2]
        there: Tensor = (self.landmarks[persona, chosen[0]].float() / _UNITS - shift) @ torch.linalg.inv(turn).T
        return there

    def _fit(self, persona: Tensor, landmarks: Tensor) -> tuple[Tensor, Tensor]:
        """Of each persona's views [B] the one whose landmarks a turn, a scale and a shift bring nearest, and the map
        [B, 2, 3] from the square to that view."""
        lift = self.lifts[persona].float()
        lifted = landmarks.float() + torch.stack([torch.zeros_like(lift), lift], -1)[:, None]
        matrix, distance = similarities(lifted[:, None], self.landmarks[persona].float() / _UNITS)
        chosen = distance.argmin(1)
        return chosen, matrix[torch.arange(len(persona)), chosen]


def _canonical_face(side: int) -> Tensor:
    """Brow to chin and cheek to cheek in the canonical square [1, 1, R, R], feathered: each portrait lies so there."""
    axis = (2 * torch.arange(side) + 1) / side - 1
    radius = torch.hypot(axis[None, :] / _FACE_HALF_WIDTH, (axis[:, None] - _FACE_CENTRE) / _FACE_HALF_HEIGHT)
    return ((_FACE_END - radius) / (_FACE_END - _FACE_BEGIN)).clamp(0, 1)[None, None]


def similarities(points: Tensor, templates: Tensor) -> tuple[Tensor, Tensor]:
    """The turn, scale and shift [..., 2, 3] that take ``points`` nearest to ``templates``, and how far they stay off.

    Umeyama, IEEE TPAMI 13(4), 1991; in the plane a turn with a scale is one complex factor.
    """
    from_mean, to_mean = points.mean(-2, keepdim=True), templates.mean(-2, keepdim=True)
    a = torch.view_as_complex((points - from_mean).contiguous())
    b = torch.view_as_complex((templates - to_mean).contiguous())
    factor = (a.conj() * b).sum(-1) / (a.abs() ** 2).sum(-1).clamp(min=1e-6)
    distance = ((a * factor[..., None] - b).abs() ** 2).sum(-1)
    turn = torch.stack([torch.stack([factor.real, -factor.imag], -1), torch.stack([factor.imag, factor.real], -1)], -2)
    shift = to_mean.squeeze(-2) - (turn @ from_mean.transpose(-1, -2)).squeeze(-1)
    return torch.cat([turn, shift[..., None]], -1), distance


def _unit_frame(matrix: Tensor, side: int) -> Tensor:
    """A map between pixels, centres at whole numbers and a half, as one between [-1, 1] (``affine_grid``'s)."""
    turn = matrix[..., :2]
    centre = torch.full_like(matrix[..., 2], side / 2)
    shift = (turn @ centre[..., None]).squeeze(-1) + matrix[..., 2] - centre
    return torch.cat([turn, shift[..., None] * (2 / side)], -1)
