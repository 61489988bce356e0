"""The first twins of a photograph, whatever the gate would say of them."""

from __future__ import annotations

from pipeline.edits import FlowTwinMaker
from pipeline.photograph import Photograph, Twins


def first_twins(maker: FlowTwinMaker, photograph: Photograph, persona_seed: bytes) -> Twins:
    """Healed and swapped once. ``Refusal`` where there can be no twins."""
    return maker.swap(photograph, maker.heal(photograph), persona_seed, 0)


def false_area(maker: FlowTwinMaker, healthy: Photograph, persona_seed: bytes) -> float:
    """Share of a ``healthy`` photograph that is called diseased though nothing is. ``Refusal`` likewise."""
    return float(maker.subtract(first_twins(maker, healthy, persona_seed)).mask.mean())
