"""Captions thinned at random: a model that is to be prompted with gaps must have been trained with gaps."""

from __future__ import annotations

import torch
from torch import Tensor

from pipeline.prompts import FIELDS, PERSONA_FIELDS, UNNAMED_LESION, token_of
from pipeline.training.recipe import Dropout

_NAMES = list(FIELDS)
_PERSONA = [_NAMES.index(name) for name in PERSONA_FIELDS]
_LESION = _NAMES.index("lesion")
_PLACE = [_NAMES.index("severity"), _NAMES.index("site")]
_HEALTHY = token_of("lesion", "healthy")
_UNNAMED = token_of("lesion", UNNAMED_LESION)


def thin(sick: Tensor, healthy: Tensor, dropout: Dropout, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Drop words of both captions of each pair alike. Tokens int64 [B, fields]; 0 is "unspecified"."""
    pairs, fields = sick.shape

    def chance(probability: float, columns: int = 1) -> Tensor:
        return torch.rand(pairs, columns, generator=generator) < probability

    drop = chance(dropout.each, fields)
    # What the pair differs in is never dropped alone: without it the two halves would have one caption.
    drop[:, _LESION] = False
    drop[:, _PERSONA] |= chance(dropout.persona)
    drop[:, _PLACE] |= chance(dropout.place)
    drop |= chance(dropout.everything)
    unnamed = chance(dropout.lesion_name)[:, 0] & (sick[:, _LESION] != _HEALTHY)
    sick = sick.clone()
    sick[unnamed, _LESION] = _UNNAMED
    return sick.masked_fill(drop, 0), healthy.masked_fill(drop, 0)
