"""Recognisers that see and say what they are told, and a gate that asks them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from pipeline.faces import Descriptor, Face, FaceFinder, Recogniser, Recognisers
from pipeline.gate import Gate, load_calibration
from pipeline.photograph import Rgb


@dataclass(frozen=True)
class FakedRecogniser:
    """``real``, but for what is given. ``sees``: the descriptor of every face. ``says``: the score of every pair.

    An exception in their place is raised; ``None`` leaves that half to ``real``.
    """

    real: Recogniser
    sees: Descriptor | Exception | None = None
    says: float | Exception | None = None

    @property
    def name(self) -> str:
        return self.real.name

    @property
    def digests(self) -> Mapping[str, str]:
        return self.real.digests

    def describe(self, rgb: Rgb, face: Face) -> Descriptor:
        if isinstance(self.sees, Exception):
            raise self.sees
        return self.real.describe(rgb, face) if self.sees is None else self.sees

    def score(self, first: Descriptor, second: Descriptor) -> float:
        if isinstance(self.says, Exception):
            raise self.says
        return self.real.score(first, second) if self.says is None else self.says


def faked(
    recognisers: Recognisers,
    name: str,
    *,
    sees: Descriptor | Exception | None = None,
    says: float | Exception | None = None,
) -> Recognisers:
    """``recognisers`` with the one called ``name`` ("sface" or "dlib") faked."""
    return replace(recognisers, **{name: FakedRecogniser(getattr(recognisers, name), sees, says)})


def gate_with(recognisers: Recognisers) -> Gate:
    """The gate for rendered faces with other ``recognisers`` than the real ones."""
    return Gate(FaceFinder(), recognisers, load_calibration("rendered"))
