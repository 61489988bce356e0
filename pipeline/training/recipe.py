"""How the embedded model is trained: every number that is not data, with its reason."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Edit:
    """One kind of example: the picture before and after, of ``cache.IMAGES``, and how often it is shown."""

    before: str
    after: str
    share: float

    @property
    def is_swap(self) -> bool:
        return self.before.split("_")[0] != self.after.split("_")[0]


HEALING = (
    Edit("patient_sick", "patient_healthy", 0.78),
    Edit("patient_healthy", "patient_healthy", 0.14),
    Edit("patient_sick", "patient_sick", 0.08),
)
"""Disease is taken off, healthy skin is left alone, and what is to stay stays: the source branch of an edit changes
nothing."""

SWAPPING = (
    Edit("patient_healthy", "disguised_healthy", 0.8),
    Edit("patient_sick", "disguised_sick", 0.2),
)
"""Healthy faces, as they come from healing, and some that carry their lesion along. Where nobody is named the network
changes nothing by construction."""


@dataclass(frozen=True)
class Dropout:
    """Probabilities with which a caption is thinned, so that a prompt may leave out what nobody knows."""

    persona_words: float = 0.75
    """A header never tells the shape of a nose: the prompts of a real photograph have none of these."""
    each: float = 0.10
    lesion_name: float = 0.20
    """"a lesion" instead of its kind: the header need not hold a diagnosis."""
    place: float = 0.50
    """Severity and site together."""
    lesion_as_it_is: float = 0.50
    """Where nothing changes, no word of a lesion: "as it is" is what the source branch of every edit says."""


@dataclass(frozen=True)
class Recipe:
    """Small batches: with an hour on two cores it is the number of steps that is short."""

    edits: tuple[Edit, ...]
    examples_in_batch: int = 8
    images: int = 24_000
    """Pictures seen."""
    cooldown: float = 0.4
    """Share of the training at its end over which the rate falls linearly to a fiftieth."""
    dropout: Dropout = field(default_factory=Dropout)
    rate: float = 1e-3
    """AdamW's."""
    kernels_rate: float | None = None
    """Muon's (Jordan et al., 2024; ``torch.optim.Muon``), for the kernels of all inner convolutions. AdamW's is for all
    else, and where none is given for them as well."""
    kernels_decay: float = 0.05
    """Weight decay of the same."""
    weight_decay: float = 0.01
    """Of matrices and kernels."""
    warmup_steps: int = 100
    clip_norm: float = 1.0
    ema: float = 0.998
    hurry: tuple[float, float] = (1.0, 2.5)
    """Range of 1/sigma_start for which the edit's path is laid out (see ``examples``). The upper end is beyond any
    edit: a small network lags behind the ideal path."""
    untouched: float = 0.9
    """Share of examples in which nothing of the edit is done yet, whatever the sigma: z then tells nothing of the
    picture after it, and the network must take it from the photograph, the portrait and the caption. With half of the
    examples further on their way, or with low sigmas weighted up as a velocity loss does, the network learned to read
    the answer from z instead, and at sigma 1 it knew none."""
    mirrored: float = 0.5
    """Share of examples shown as a mirror shows them, portrait and all; what they say of sides is left out."""
    detail_weight: float = 0.5
    """Of the error of neighbouring pixels' differences: what makes a face somebody's is fine."""
    square_weight: float = 4.0
    """Of squared errors, beside absolute ones: large errors first."""
    seed: int = 20_26
    checkpoint_seconds: float = 180.0
    sheet_seconds: float = 900.0


@dataclass(frozen=True)
class HealingRecipe(Recipe):
    """Where disease is and what it looks like without are learned apart: see ``healing``."""

    edits: tuple[Edit, ...] = HEALING
    images: int = 72_000
    lesion_weight: float = 10.0
    """Added to the weight of a picture's error on the lesion."""
    matters_alike: float = 0.04
    most_emphasis: float = 30.0
    """A lesion below this share of the picture weighs in all as much as one of it, up to so many times: a naevus is a
    thousandth of the picture and all of the matter."""
    rendered: float = 0.34
    """Share of rendered patients where photographs are shown as well."""
    overlap_weight: float = 0.5
    """Of 1 - Dice's coefficient of where the network alters the picture and where disease is. It counts a naevus like
    an erythema."""
    place_weight: float = 2.0
    """Of the cross entropy of the same. It still pulls where a network is sure that nothing is, and Dice's coefficient
    has no slope left."""
    noticed: float = 0.01
    overlap_of_nothing: bool = True
    """Whether Dice's coefficient counts where nothing is as well. There its slope is steepest at nothing marked."""
    steep: float = 2.0
    """Slope of the logistic by which Dice's coefficient sees the mask's edge."""
    most_notice: float = 20.0
    """A lesion below this share of the picture weighs as much in the cross entropy as one of it, up to so many times.
    Without it no naevus was found after 14,000 pictures. (Weighted 300 times a naevus missed cost as much as 300 pixels
    marked where nothing is, and half of all that the network called disease was none.)"""


@dataclass(frozen=True)
class SkinRecipe(HealingRecipe):
    """Healing of skin without a face: photographs above all, and close-ups alone of the rendered patients."""

    images: int = 40_000
    rendered: float = 0.16


@dataclass(frozen=True)
class CloserRecipe(HealingRecipe):
    """Healing of a face's skin seen in parts, as a close-up is. A whole face, of which a lesion is a hundredth, teaches
    such a network first to mark nothing, and two cores do not bring it further."""

    images: int = 20_000
    rate: float = 4e-4
    ema: float = 0.995
    rendered: float = 0.0
    overlap_weight: float = 1.0
    overlap_of_nothing: bool = False
    steep: float = 1.0
    noticed: float = 0.03


@dataclass(frozen=True)
class PlaceRecipe(Recipe):
    """Where something is and nothing else: a task that a small network learns from nothing."""

    edits: tuple[Edit, ...] = ()
    rate: float = 2e-3
    weight_decay: float = 0.02
    place_weight: float = 2.0
    """Of the cross entropy of where it is."""
    overlap_weight: float = 1.0
    """Of 1 - Dice's coefficient of the same, where there is any."""
    overlap_of_nothing: bool = False
    """Whether Dice's coefficient counts where there is none as well."""
    noticed: float = 1.0
    most_notice: float = 0.0
    """What is below this share of the picture weighs in the cross entropy so many times more at most."""


@dataclass(frozen=True)
class MarkRecipe(PlaceRecipe):
    """Marks on skin: strokes with sharp edges, of little area."""

    images: int = 100_000
    ema: float = 0.995
    overlap_weight: float = 0.5
    noticed: float = 0.009
    most_notice: float = 8.0


@dataclass(frozen=True)
class LesionRecipe(PlaceRecipe):
    """Disease on skin without a face."""

    images: int = 30_000
    cooldown: float = 0.45


@dataclass(frozen=True)
class FaceLesionRecipe(PlaceRecipe):
    """Disease on faces seen from the front."""

    images: int = 190_000
    examples_in_batch: int = 16
    cooldown: float = 0.65
    """At a rate that is held, the loss stands still after 50,000 pictures."""
    kernels_rate: float | None = 0.02
    """The loss that AdamW alone reaches after 16,000 pictures Muon's steps reach after 9,600 (1.21 and 1.19)."""
    overlap_of_nothing: bool = True
    most_notice: float = 2.0
    change_weight: float = 0.7
    """Of the absolute error of by how much a lesion changes colours, where one is."""


@dataclass(frozen=True)
class SwappingRecipe(Recipe):
    edits: tuple[Edit, ...] = SWAPPING
    beyond_weight: float = 0.1
    """Weight of what an edit does not put back into the photograph: beside a swapped head and beyond it."""
    fold_weight: float = 1.0
    """Of how far pictures are stretched beyond half as much again, or folded: hair and jaw are smeared there."""
