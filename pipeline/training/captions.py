"""Captions thinned at random: a model that is to be prompted with gaps must have been trained with gaps."""

from __future__ import annotations

import torch
from torch import Tensor

from pipeline.training.recipe import Dropout
from pipeline.vocabulary import FIELDS, PERSONA_FIELDS, UNNAMED_LESION, token_of

_NAMES = list(FIELDS)
_PERSONA_WORDS = [_NAMES.index(name) for name in PERSONA_FIELDS]
PERSONA = _NAMES.index("persona")
LESION = _NAMES.index("lesion")
SITE = _NAMES.index("site")
"""Columns of a caption."""
_PLACE = [_NAMES.index("severity"), SITE]
_HEALTHY = token_of("lesion", "healthy")
_UNNAMED = token_of("lesion", UNNAMED_LESION)


def thin(tokens: dict[str, Tensor], dropout: Dropout, generator: torch.Generator) -> dict[str, Tensor]:
    """Drop words of all captions of a row alike. Tokens int64 [B, fields] by picture; 0 is "unspecified"."""
    rows, fields = next(iter(tokens.values())).shape

    def chance(probability: float, columns: int = 1) -> Tensor:
        return torch.rand(rows, columns, generator=generator) < probability

    drop = chance(dropout.each, fields)
    # What the pictures of a row differ in is never dropped alone: two of them would have one caption.
    drop[:, [LESION, PERSONA]] = False
    drop[:, _PERSONA_WORDS] |= chance(dropout.persona_words)
    drop[:, _PLACE] |= chance(dropout.place)
    unnamed = chance(dropout.lesion_name)
    thinned = {}
    for name, words in tokens.items():
        lesion = words[:, LESION : LESION + 1]
        kept = words.clone()
        kept[:, LESION : LESION + 1] = torch.where(unnamed & (lesion != _HEALTHY), _UNNAMED, lesion)
        thinned[name] = kept.masked_fill(drop, 0)
    return thinned
