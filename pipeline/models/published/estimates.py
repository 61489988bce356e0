"""Seconds that both edits should take on a card, from arithmetic alone. Estimates: no card was timed."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.models.published.variants import Variant

UTILISATION = 0.45
"""Share of a card's dense bfloat16 peak that a transformer of this kind reaches without a compiler; assumed."""


@dataclass(frozen=True)
class Card:
    """``teraflops``: dense bfloat16 with float32 sums, as its maker states. ``memory``: GiB."""

    name: str
    teraflops: float
    memory: int


CARDS: tuple[Card, ...] = (
    Card("RTX 3090", 71.0, 24),
    Card("RTX 4090", 165.0, 24),
    Card("RTX 5090", 210.0, 32),
    Card("L4", 121.0, 24),
    Card("L40S", 362.0, 48),
    Card("A100", 312.0, 80),
    Card("H100", 989.0, 80),
)


def rows(variant: Variant, targets: int = 1) -> int:
    """Pictures that go through the network in one step: the source, and each target with its negative if guided."""
    embedded = variant.kind == "FluxPipeline"
    return 1 + targets * (1 if embedded or variant.start.target_scale == 1.0 else 2)


def seconds(variant: Variant, card: Card, pixels: int, edits: int = 2) -> float | None:
    """Both edits of one square of 512 or 1024 ``pixels``; ``None`` where the weights do not fit, encoders left out.

    edits x steps x rows x TFLOP of one velocity / (TFLOP a second x utilisation)
    """
    if variant.memory(encoders=False) > 0.9 * card.memory:
        return None
    work = edits * variant.start.steps * rows(variant) * variant.tflop[(512, 1024).index(pixels)]
    return work / (card.teraflops * UTILISATION)
