"""The two edits and the subtraction: photograph to sick twin, to healthy twin, to what differs between them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from pipeline.calibration import Calibration, load_calibration
from pipeline.crop import FaceCrop, FrameCrop
from pipeline.errors import ModelError
from pipeline.faces import FaceFinder
from pipeline.flowedit import flow_edit
from pipeline.gate import Gate
from pipeline.models.base import Branch, pixels_from_rgb, rgb_from_pixels
from pipeline.models.embedded import FOLDER, EmbeddedModel, Subject, load_embedded
from pipeline.persona import as_persona, describe, healed, persona_for
from pipeline.photograph import Findings, Hints, Photograph, Rgb, Subtraction
from pipeline.policy import Policy
from pipeline.prompts import ClinicalPrompt
from pipeline.recognisers import Recognisers
from pipeline.subtraction import subtract

Step = Callable[[int, int], None]
"""Called with the edit's steps done and in all."""


class TwinMaker(Protocol):
    """What a study needs of the pixels' side; ``name``, ``version`` and ``digest`` identify the algorithm."""

    name: str
    version: str
    digest: str

    def swap(self, photograph: Photograph, persona_seed: bytes, attempt: int) -> Rgb:
        """The sick twin: each face replaced by a persona's. Raises Undecided where a face must be and none is found."""
        ...

    def judge(self, photograph: Photograph, sick_twin: Rgb) -> Findings:
        """The gate. Raises Rejected or Undecided."""
        ...

    def heal(self, sick_twin: Rgb, hints: Hints) -> Rgb:
        """The healthy twin of a sick twin."""
        ...

    def subtract(self, sick_twin: Rgb, healthy_twin: Rgb) -> Subtraction:
        """What differs between the twins."""
        ...


@dataclass(frozen=True)
class EditKnobs:
    """FlowEdit's knobs for one of the edits."""

    sigma_start: float
    steps: int
    n_avg: int = 1


@dataclass(frozen=True)
class TwinSettings:
    """Knobs of both edits: a first guess, to be searched on held-out rendered patients once the model swaps."""

    swaps: tuple[EditKnobs, ...] = (EditKnobs(0.9, 16), EditKnobs(0.95, 16), EditKnobs(1.0, 20))
    """One for each attempt: a twin that was refused is tried again with more change and another persona."""
    heal: EditKnobs = field(default_factory=lambda: EditKnobs(0.8, 12, n_avg=2))


class FlowTwinMaker:
    """Twins by FlowEdit on the embedded model."""

    version = "0.1.0"

    def __init__(
        self,
        model: EmbeddedModel,
        gate: Gate,
        settings: TwinSettings | None = None,
        progress: Step | None = None,
    ) -> None:
        self.name, self.digest = model.name, model.digest
        self._model, self._gate = model, gate
        self._settings = settings or TwinSettings()
        self._progress = progress

    @property
    def resolution(self) -> int:
        """Pixels along each side of the square that is edited."""
        return self._model.resolution

    def swap(self, photograph: Photograph, persona_seed: bytes, attempt: int) -> Rgb:
        faces = self._gate.policy.faces(photograph.rgb, photograph.hints)
        if not faces:
            self._gate.policy.allow_none(photograph.hints)
        knobs = self._settings.swaps[min(attempt, len(self._settings.swaps) - 1)]
        prompt = describe(photograph.hints).saying(view="face")
        twin = photograph.rgb
        for number, face in enumerate(faces):
            crop = FaceCrop.around(face, twin.shape)
            target = as_persona(prompt, persona_for(persona_seed, attempt, number))
            before = crop.take(twin, self._model.resolution)
            landmarks = crop.within(face.landmarks, self._model.resolution)
            twin = crop.put_back(twin, self.edit(before, landmarks, prompt, target, knobs))
        return twin

    def judge(self, photograph: Photograph, sick_twin: Rgb) -> Findings:
        return self._gate.judge(photograph.rgb, sick_twin, photograph.hints)

    def heal(self, sick_twin: Rgb, hints: Hints) -> Rgb:
        # Whoever the twin has become is in the picture: no persona is named, so the face stays.
        prompt = describe(hints).saying(sex=None)
        twin = sick_twin
        for crop in self._crops(sick_twin, hints):
            source = prompt.saying(view="face" if isinstance(crop, FaceCrop) else hints.view or "close-up")
            before = crop.take(twin, self._model.resolution)
            after = self.edit(before, None, source, healed(source), self._settings.heal)
            twin = crop.put_difference(twin, before, after)
        return twin

    def subtract(self, sick_twin: Rgb, healthy_twin: Rgb) -> Subtraction:
        largest = max(crop.side for crop in self._crops(sick_twin, Hints()))
        return subtract(sick_twin, healthy_twin, model_pixel=largest / self._model.resolution)

    def _crops(self, twin: Rgb, hints: Hints) -> list[FaceCrop | FrameCrop]:
        """A square for each face; without a face the whole frame."""
        faces = [FaceCrop.around(face, twin.shape) for face in self._gate.policy.faces(twin, hints)]
        return [*faces] or [FrameCrop.whole(twin.shape)]

    def edit(
        self,
        rgb: Rgb,
        landmarks: NDArray[np.float64] | None,
        source: ClinicalPrompt,
        target: ClinicalPrompt,
        knobs: EditKnobs,
    ) -> Rgb:
        """One FlowEdit of a square of the model's size, uint8, with ``landmarks`` (5, 2) in its pixels."""
        subject = Subject(pixels_from_rgb(rgb), landmarks)
        branches = [Branch(self._model.embed((prompt, subject))) for prompt in (source, target)]
        z = self._model.encode(subject.photograph)
        with torch.inference_mode():
            (edited,) = flow_edit(
                self._model,
                z,
                branches[0],
                branches[1:],
                sigma_start=knobs.sigma_start,
                steps=knobs.steps,
                n_avg=knobs.n_avg,
                progress=self._progress,
            )
        return rgb_from_pixels(self._model.decode(edited))


def load_twin_maker(
    model: str = "embedded", device: str = "cpu", policy: Policy | None = None, calibration: Calibration | None = None
) -> TwinMaker:
    """Everything that turns pixels into twins, loaded and checked. ``ModelError`` names what is missing or altered."""
    if model != "embedded":
        raise ModelError(f"model {model!r}: this version runs the embedded model alone; say model = \"embedded\"")
    if device != "cpu":
        raise ModelError(f"device {device!r}: the embedded model runs on the CPU")
    return load_flow_twin_maker(policy=policy, calibration=calibration)


def load_flow_twin_maker(
    folder: Path = FOLDER,
    settings: TwinSettings | None = None,
    policy: Policy | None = None,
    calibration: Calibration | None = None,
) -> FlowTwinMaker:
    """The embedded model of ``folder`` with a face finder and a gate, by default one calibrated on rendered faces."""
    finder = FaceFinder()
    gate = Gate(finder, Recognisers.load(), calibration or load_calibration("rendered"), policy=policy)
    return FlowTwinMaker(load_embedded(folder), gate, settings)
