"""What a maker of twins needs of the models behind it, whichever they are."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.faces import Face
from pipeline.photograph import Rgb
from pipeline.vocabulary import ClinicalPrompt


@dataclass(frozen=True)
class ModelFacts:
    """What is said of a model in `check`, manifests and objects. ``size``: bytes of its weights on disk."""

    name: str
    licence: str
    size: int
    digest: str

    def __str__(self) -> str:
        return f"{self.name}; {self.licence}; {self.size} bytes; SHA-256 {self.digest}"


@dataclass(frozen=True)
class AlgorithmIdentity:
    """How objects name what made them, where either edit may be another model's."""

    heal: ModelFacts
    swap: ModelFacts

    @property
    def name(self) -> str:
        """One name, or that of the swap's model and of the healing's: at most 64 letters for names of up to 29."""
        return self.swap.name if self.heal == self.swap else f"{self.swap.name} + {self.heal.name}"

    @property
    def digest(self) -> str:
        """SHA-256 of the one model, or over those of healing and swap."""
        both = f"{self.heal.digest} {self.swap.digest}"
        return self.heal.digest if self.heal == self.swap else hashlib.sha256(both.encode()).hexdigest()

    @property
    def facts(self) -> Mapping[str, str]:
        """What is said of each edit's model."""
        return {"heal": str(self.heal), "swap": str(self.swap)}


@dataclass(frozen=True, eq=False)
class Square:
    """A square of a photograph, uint8 and of a ``side`` of the healer's. ``seen``: what can be said of it, its view
    among that."""

    rgb: Rgb
    seen: ClinicalPrompt
    of_face: bool
    landmarks: NDArray[np.float64] | None = None
    """Of a photographed face, (5, 2) in pixels: one that no renderer drew."""


@dataclass(frozen=True, eq=False)
class Sitting:
    """Who is to become somebody else: ``rgb``, which ``prompt`` describes, with ``faces``, the patient's first.

    ``seed``: of the patient, the same at every visit. ``attempt``: from 0; each changes more, for another persona.
    """

    rgb: Rgb
    prompt: ClinicalPrompt
    faces: Sequence[Face]
    seed: bytes
    attempt: int


class Healer(Protocol):
    """Takes the disease off squares of photographs."""

    @property
    def facts(self) -> ModelFacts: ...

    @property
    def precise(self) -> bool:
        """Whether of a photographed face all stays as it is that it does not take for disease: there is no noise, then,
        above which disease would have to stand out."""
        ...

    def side(self, square: int, *, of_face: bool, photographed: bool = False) -> int:
        """Pixels along each side at which a square of ``square`` photograph pixels a side is healed; of a
        ``photographed`` face it may want more to look at."""
        ...

    def heal(self, squares: Sequence[Square]) -> list[tuple[Rgb, Rgb]]:
        """Each square as the model shows it, and healed: their difference is the disease."""
        ...


class Swapper(Protocol):
    """Makes somebody else of the people in photographs."""

    @property
    def facts(self) -> ModelFacts: ...

    def swap(self, sittings: Sequence[Sitting]) -> list[Rgb]:
        """Each photograph with a persona in the place of each of its faces."""
        ...
