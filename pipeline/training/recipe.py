"""How the embedded model is trained: every number that is not data, with its reason."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Stage:
    """A stretch of training. ``images`` counts pictures seen, four to a row."""

    rows_in_batch: int
    images: int
    peak: float
    """Learning rate as a share of the recipe's."""
    cooldown: float
    """Share of the stage at its end over which the rate falls linearly to a twentieth."""


@dataclass(frozen=True)
class Dropout:
    """Probabilities with which a caption is thinned, so that a prompt may leave out what nobody knows."""

    everything: float = 0.10
    """The null prompt of classifier-free guidance; only where the picture alone says what it is."""
    persona_words: float = 0.50
    """A header never tells the shape of a nose: the source prompt of a real photograph has none of these."""
    each: float = 0.10
    lesion_name: float = 0.20
    """"a lesion" instead of its kind: the header need not hold a diagnosis."""
    place: float = 0.50
    """Severity and site together."""


@dataclass(frozen=True)
class Recipe:
    """Small batches first: with an hour on two cores it is the number of steps that is short."""

    stages: tuple[Stage, ...] = (
        Stage(rows_in_batch=2, images=8_000, peak=1.0, cooldown=0.0),
        Stage(rows_in_batch=4, images=9_000, peak=1.0, cooldown=0.8),
    )
    dropout: Dropout = field(default_factory=Dropout)
    muon_rate: float = 1.5e-3
    """For matrices (Muon, update scaled to AdamW's RMS)."""
    adam_rate: float = 1.0e-3
    """For embeddings, gains and biases."""
    weight_decay: float = 0.01
    warmup_steps: int = 50
    clip_norm: float = 1.0
    ema: float = 0.999
    sigma_mean: float = 0.5
    sigma_spread: float = 1.1
    """sigma = sigmoid(mean + spread * normal): most draws where a face is decided, few where only noise is removed."""
    plain: float = 0.15
    """Share of rows whose inputs are the targets themselves, as in any flow's training; in the others an input lies on
    the way from the picture before an edit to the one after it (see ``trainer``)."""
    hurry: tuple[float, float] = (0.9, 4.0)
    """Range of 1/sigma_start for which that way is laid out. The upper end is far beyond any edit: a small network lags
    behind the ideal path, and must have seen at each sigma what still looks like the picture before the edit."""
    lesion_weight: float = 20.0
    """Added to the loss on the lesion's mask: a naevus is a hundredth of the picture and all of the matter."""
    sigma_floor: float = 0.2
    """The velocity loss divides by sigma; below this it would see nothing but sensor noise."""
    seed: int = 20_26
    checkpoint_seconds: float = 180.0
    sheet_seconds: float = 900.0
