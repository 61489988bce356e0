"""The two edits and the subtraction: from a photograph to a healthy twin, to a sick one, to what differs between them.

Healing comes first. What it changed is the disease, kept as what it does to light (``pipeline.disease``); the healed
photograph becomes somebody else, the healthy twin; the disease is put on that twin. So the lesion stays where it is and
as it is whoever the patient becomes ("lesion lock"). The other order, swapping the sick face and healing what came of
it, stands beside it for comparison (``TwinSettings.lesion_lock``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.disease import Lesion, examined, subtract
from pipeline.edits.crop import FaceCrop, FrameCrop
from pipeline.edits.edit import EditKnobs, edited
from pipeline.edits.heads import HeadSwap
from pipeline.edits.healing import EmbeddedHealer
from pipeline.edits.marks import sureness_of_marks
from pipeline.edits.models import AlgorithmIdentity, Healer, ModelFacts, Sitting, Square, Swapper
from pipeline.edits.resolution import enlarged, reduced, reduced_by
from pipeline.errors import Refusal
from pipeline.faces import Face, FaceFinder, Recognisers, eyes
from pipeline.gate import Calibration, Domain, Gate, Policy, calibrations_in_force, hold_marks, load_calibration
from pipeline.heads import read_heads
from pipeline.models import (
    FOLDER,
    EmbeddedModel,
    Subject,
    load_embedded,
    pixels_from_rgb,
    rgb_from_pixels,
)
from pipeline.photograph import Findings, Hints, Photograph, Rgb, Subtraction, Twins, any_channel
from pipeline.vocabulary import (
    ClinicalPrompt,
    Personas,
    as_it_is,
    as_persona,
    describe,
    healed,
    of_skin_alone,
    persona_for,
)

Step = Callable[[int, int], None]
"""Called with the edit's steps done and in all."""


Sick = tuple[Photograph, Lesion, bytes]
"""What a swap is given: a photograph, its lesion by healing, and the seed of the patient's persona."""


class TwinMaker(Protocol):
    """What a study needs of the pixels' side; ``name``, ``version`` and ``digest`` identify the algorithm."""

    name: str
    version: str
    digest: str
    facts: Mapping[str, str]
    """What else is said of the models, by edit: name, licence, bytes and SHA-256."""

    def heal(self, photograph: Photograph) -> Lesion:
        """The disease: what healing the photograph takes off it."""
        ...

    def swap(self, photograph: Photograph, lesion: Lesion, persona_seed: bytes, attempt: int) -> Twins:
        """The twins: each face replaced by a persona's. Raises Undecided where a face must be and none is found."""
        ...

    def judge(self, photograph: Photograph, twins: Twins) -> Findings:
        """The gate, for both twins. Raises Rejected or Undecided."""
        ...

    def subtract(self, twins: Twins) -> Subtraction:
        """What differs between the twins."""
        ...


FINEST = 4
"""Times the model's resolution to which an edit is enlarged; a head that is larger still loses its finest texture."""

FINE = 4.0
"""Photograph pixels to one of the healing's, beyond which the disease is looked at in a smaller picture: what it
changes has no finer detail, and is laid over the photograph once."""

LARGEST = 2048
"""Pixels of that picture's longest side, however small a face in it is."""


@dataclass(frozen=True)
class TwinSettings:
    """Knobs of both edits."""

    swaps: tuple[EditKnobs, ...] = (EditKnobs(1.0, 1),)
    """One for each attempt, the last for all that follow: a refused twin is tried again as another persona."""
    heal: EditKnobs = field(default_factory=lambda: EditKnobs(1.0, 4))
    lesion_lock: bool = True
    """Heal first and put the lesion on the swapped face; else swap the sick face and heal that."""


class FlowTwinMaker:
    """Twins by FlowEdit, on the embedded model where no other is given. Serves one thread."""

    version = "0.15.0"

    def __init__(
        self,
        model: EmbeddedModel,
        recognisers: Recognisers,
        gate: Gate,
        settings: TwinSettings | None = None,
        personas: Personas | None = None,
        heads: HeadSwap | None = None,
        portrayed: Domain | None = None,
        healer: Healer | None = None,
        swapper: Swapper | None = None,
    ) -> None:
        """``heads``: how faces are swapped that are not ``portrayed``, which the swapping network knows.

        ``healer``, ``swapper``: another model instead of the embedded one's networks. A swapper needs the lesion lock.
        """
        self._heads, self._portrayed = heads, portrayed
        self._model, self._recognisers, self._gate = model, recognisers, gate
        self._settings = settings or TwinSettings()
        self._personas = personas or Personas()
        self._healer, self._swapper = healer or EmbeddedHealer(model, self._settings.heal), swapper
        if swapper is not None and not self._settings.lesion_lock:
            raise ValueError("a described persona knows no disease: such a swap needs the lesion lock")
        embedded = ModelFacts(model.name, model.licence, model.size, model.digest)
        identity = AlgorithmIdentity(self._healer.facts, embedded if swapper is None else swapper.facts)
        self.name, self.digest = identity.name, identity.digest
        self.facts: Mapping[str, str] = identity.facts

    @property
    def resolution(self) -> int:
        """Pixels along each side of the square in which a face is swapped."""
        return self._model.swapping.resolution

    def likeness(self, rgb: Rgb, face: Face) -> list[float]:
        """How much each persona resembles whoever has this ``face`` in ``rgb``: SFace's cosine around their mean."""
        return self._model.swapping.likeness(self._recognisers.sface.describe(rgb, face))

    def heal(self, photograph: Photograph) -> Lesion:
        return self.heal_all([photograph])[0]

    def heal_all(self, photographs: Sequence[Photograph]) -> list[Lesion]:
        """As ``heal``, in fewer evaluations where the network takes several. Raises what one of them raises."""
        if not self._settings.lesion_lock:
            return [Lesion.none(photograph.rgb.shape) for photograph in photographs]
        work = [(*self._workable(each.rgb, self._faces(each.rgb, each.hints)), each.hints) for each in photographs]
        healthy = self._healed([(rgb, hints, faces) for rgb, faces, hints in work])
        return [self._taken_off(*each, clean) for each, clean in zip(work, healthy, strict=True)]

    def _taken_off(self, rgb: Rgb, faces: list[Face], hints: Hints, healthy: Rgb) -> Lesion:
        pixel = self._model_pixel(rgb, faces)
        precisely = self._healer.precise and faces and all(self._photographed(rgb, face) for face in faces)
        mask = subtract(rgb, healthy, model_pixel=pixel, floor=0.0 if precisely else None).mask
        if hints.view == "dermoscopy" and not faces:
            mask = examined(mask)
        # An eye is no lesion, whatever the model takes its pupil for: put on the twin it would be the patient's.
        return Lesion.between(rgb, healthy, mask, pixel).beside(eyes(faces, rgb.shape))

    def swap(self, photograph: Photograph, lesion: Lesion, persona_seed: bytes, attempt: int) -> Twins:
        (twins,) = self.swap_all([(photograph, lesion, persona_seed)], attempt)
        if isinstance(twins, Refusal):
            raise twins
        return twins

    def swap_all(self, sick: Sequence[Sick], attempt: int) -> list[Twins | Refusal]:
        """As ``swap`` likewise; in the place of each that cannot be swapped, why."""
        found: list[list[Face] | Refusal] = [self._faces_to_swap(photograph, lesion) for photograph, lesion, _ in sick]
        able = [(each, faces) for each, faces in zip(sick, found, strict=True) if not isinstance(faces, Refusal)]
        twins = iter(self._twins([each for each, _ in able], [faces for _, faces in able], attempt))
        return [faces if isinstance(faces, Refusal) else next(twins) for faces in found]

    def _twins(self, sick: Sequence[Sick], faces: Sequence[list[Face]], attempt: int) -> list[Twins]:
        if self._settings.lesion_lock:
            # A close-up keeps its own pixels: nobody is in it, and its sick twin need not be put together again.
            healthy = self._swapped([lesion.taken_off(each.rgb) for each, lesion, _ in sick], sick, faces, attempt)
            return [
                Twins(lesion.put_on(clean) if seen else each.rgb, clean)
                for (each, lesion, _), seen, clean in zip(sick, faces, healthy, strict=True)
            ]
        twins = self._swapped([each.rgb for each, _, _ in sick], sick, faces, attempt)
        found = [(rgb, each.hints, self._faces(rgb, each.hints)) for rgb, (each, _, _) in zip(twins, sick, strict=True)]
        return [Twins(*pair) for pair in zip(twins, self._healed(found), strict=True)]

    def _faces_to_swap(self, photograph: Photograph, lesion: Lesion) -> list[Face] | Refusal:
        """Those in the ``photograph``; why none is swapped where one must be, or where skin alone has a mark."""
        try:
            faces = self._faces(photograph.rgb, photograph.hints)
            if not faces:
                # A face that is found lying comes first: that there is none would be the wrong reason to give.
                self._gate.policy.faces(photograph.rgb, photograph.hints)
                self._gate.policy.allow_none(photograph.hints)
                if not photograph.hints.marks_vouched:
                    self.look_for_marks(photograph, lesion)
        except Refusal as refused:
            return refused
        return faces

    def judge(self, photograph: Photograph, twins: Twins) -> Findings:
        # The healthy twin leaves as well, and without the disease less of it is strange.
        self._gate.judge(photograph.rgb, twins.healthy, photograph.hints)
        lesion = twins.differing if self._settings.lesion_lock else None
        return self._gate.judge(photograph.rgb, twins.sick, photograph.hints, lesion)

    def subtract(self, twins: Twins) -> Subtraction:
        sick, faces = self._workable(twins.sick, self._faces(twins.sick, Hints()))
        # Twins made of one picture differ by the lesion alone: there is no noise that a floor would have to hold down.
        floor = 0.0 if self._settings.lesion_lock else None
        healthy = reduced(twins.healthy, sick.shape)
        found = subtract(sick, healthy, model_pixel=self._model_pixel(sick, faces), floor=floor)
        return enlarged(found, twins.sick.shape)

    def _faces(self, rgb: Rgb, hints: Hints) -> list[Face]:
        """As the gate's policy counts them, the largest first. That there are no others the gate makes sure of."""
        return self._gate.policy.upright(rgb, hints)

    def _swapped(
        self, pictures: Sequence[Rgb], sick: Sequence[Sick], faces: Sequence[list[Face]], attempt: int
    ) -> list[Rgb]:
        """``pictures``, made of the photographs of ``sick`` and with their ``faces``, with a persona's for each."""
        described = [describe(photograph.hints) for photograph, _, _ in sick]
        prompts = [healed(each) for each in described] if self._settings.lesion_lock else described
        together = zip(pictures, prompts, faces, sick, strict=True)
        if self._swapper is not None:
            return self._swapper.swap(
                [Sitting(rgb, prompt, seen, seed, attempt) for rgb, prompt, seen, (_, _, seed) in together]
            )
        return [
            self._with_persona(rgb, prompt, seen, photograph, seed, attempt)
            for rgb, prompt, seen, (photograph, _, seed) in together
        ]

    def _with_persona(
        self, rgb: Rgb, prompt: ClinicalPrompt, faces: list[Face], photograph: Photograph, seed: bytes, attempt: int
    ) -> Rgb:
        """``rgb``, which ``prompt`` describes and which has the photograph's ``faces``, with a persona's for each."""
        original, hints = photograph.rgb, photograph.hints
        prompt = prompt.saying(view="face")
        model, resolution = self._model.swapping, self.resolution
        knobs = self._settings.swaps[min(attempt, len(self._settings.swaps) - 1)]
        for number, face in enumerate(faces):
            if self._heads is not None and not self._knows(original, face):
                # A face that is found lying comes first: that a recogniser sees none would be the wrong reason to give.
                self._gate.policy.faces(original, hints)
                head = self._heads.head_for(original, faces[0], hints, seed, attempt, number)
                rgb = self._heads.swapped(rgb, face, head, attempt)
                continue
            deck = self._personas.deck(seed, lambda: self.likeness(original, faces[0]))
            crop = FaceCrop.around(face, rgb.shape)
            before = crop.take(rgb, resolution)
            landmarks = crop.within(face.landmarks, resolution)
            target = as_persona(prompt, persona_for(deck, attempt, number))
            after = self.edit(before, landmarks, as_it_is(prompt), target, knobs)
            finer = min(crop.side, FINEST * resolution)
            if finer > resolution:
                embedded = model.embed((target, Subject(pixels_from_rgb(before), landmarks)))
                whole = model.enlarged(pixels_from_rgb(after), pixels_from_rgb(crop.take(rgb, finer)), embedded)
                after = rgb_from_pixels(whole)
            rgb = crop.put_back(rgb, after)
        return rgb

    def _knows(self, original: Rgb, face: Face) -> bool:
        """Whether the swapping network was trained on such faces as the ``original`` has there."""
        return self._portrayed is None or self._portrayed.holds(self._recognisers.sface.describe(original, face))

    def _healed(self, pictures: Sequence[tuple[Rgb, Hints, list[Face]]]) -> list[Rgb]:
        """Each picture without disease: each face, or without faces the whole frame.

        The first square of every picture, then the second: those of one picture may lie in each other.
        """
        clean = [rgb for rgb, _, _ in pictures]
        crops: list[Sequence[FaceCrop | FrameCrop]] = [
            [FaceCrop.around(face, rgb.shape) for face in faces] or [FrameCrop.whole(rgb.shape)]
            for rgb, _, faces in pictures
        ]
        for number in range(max(map(len, crops), default=0)):
            with_it = [index for index, of_one in enumerate(crops) if number < len(of_one)]
            squares = [
                self._square(clean[index], crops[index][number], number, *pictures[index][1:]) for index in with_it
            ]
            for index, answer in zip(with_it, self._healer.heal(squares), strict=True):
                clean[index] = crops[index][number].put_difference(clean[index], *answer)
        return clean

    def _square(self, rgb: Rgb, crop: FaceCrop | FrameCrop, number: int, hints: Hints, faces: list[Face]) -> Square:
        """What ``crop``, around face ``number`` if there are any, shows of ``rgb``."""
        prompt = describe(hints)
        if isinstance(crop, FrameCrop):
            side = self._healer.side(crop.side, of_face=False)
            return Square(crop.take(rgb, side), of_skin_alone(prompt, hints.view), of_face=False)
        photographed = self._photographed(rgb, faces[number])
        side = self._healer.side(crop.side, of_face=True, photographed=photographed)
        landmarks = crop.within(faces[number].landmarks, side) if photographed else None
        return Square(crop.take(rgb, side), prompt.saying(view="face"), of_face=True, landmarks=landmarks)

    def _photographed(self, rgb: Rgb, face: Face) -> bool:
        """Whether no renderer drew the ``face``. Of one that cannot be described the swap will say so, and why."""
        try:
            return not self._knows(rgb, face)
        except Refusal:
            return False

    def look_for_marks(self, photograph: Photograph, lesion: Lesion) -> None:
        """Raises IdentifyingMark: skin without a face leaves with its own pixels, marks and all."""
        sureness = sureness_of_marks(self._model.marks, photograph.rgb)
        changed = np.asarray(any_channel(lesion.change != 0), np.uint8)
        diseased = FrameCrop.whole(changed.shape).take(np.repeat(changed[..., None] * 255, 3, -1), len(sureness))
        hold_marks(sureness, diseased[..., 0] > 0, photograph.rgb.shape)

    def _workable(self, rgb: Rgb, faces: list[Face]) -> tuple[Rgb, list[Face]]:
        """``rgb`` and its ``faces`` no larger than the healing's resolution is worth."""
        scale = min(1.0, FINE / self._model_pixel(rgb, faces), LARGEST / max(rgb.shape[:2]))
        if scale == 1:
            return rgb, faces
        small = reduced_by(rgb, scale)
        by = np.array([small.shape[1] / rgb.shape[1], small.shape[0] / rgb.shape[0]])
        return small, [Face(face.box * np.tile(by, 2), face.landmarks * by, face.score) for face in faces]

    def _model_pixel(self, rgb: Rgb, faces: list[Face]) -> float:
        """Photograph pixels to one of the healing's, in the largest square that is healed."""
        sides = [FaceCrop.around(face, rgb.shape).side for face in faces] or [FrameCrop.whole(rgb.shape).side]
        return max(sides) / self._healer.side(max(sides), of_face=bool(faces))

    def edit(
        self,
        rgb: Rgb,
        landmarks: NDArray[np.float64] | None,
        source: ClinicalPrompt,
        target: ClinicalPrompt,
        knobs: EditKnobs,
    ) -> Rgb:
        """One swap of a square of the model's size, uint8, with ``landmarks`` (5, 2) in its pixels."""
        subject, model = Subject(pixels_from_rgb(rgb), landmarks), self._model.swapping
        prompts = [model.embed((prompt, subject)) for prompt in (source, target)]
        return edited(model, subject.photograph, prompts, knobs)


def load_flow_twin_maker(
    folder: Path = FOLDER,
    settings: TwinSettings | None = None,
    personas: Personas | None = None,
    policy: Policy | None = None,
    calibration: Calibration | None = None,
    healer: Healer | None = None,
    swapper: Swapper | None = None,
) -> FlowTwinMaker:
    """The embedded model of ``folder`` with a face finder and a gate, by default one calibrated on rendered faces.

    ``healer``, ``swapper``: another model instead.
    """
    model, recognisers = load_embedded(folder), Recognisers.load().remembering()
    rendered, people = load_calibration("rendered"), personas or Personas()
    # What a model knows stands in its own config. One that knows rendered faces alone makes a twin of no other.
    heads = None
    if model.heads is not None and swapper is None:
        heads = HeadSwap(read_heads(folder, model.heads), recognisers, people)
    knows = rendered.domain if heads is None and swapper is None else None
    thresholds, outside = calibrations_in_force(calibration, other_swapper=swapper is not None)
    gate = Gate(FaceFinder(), recognisers, thresholds, outside, policy, knows)
    return FlowTwinMaker(model, recognisers, gate, settings, people, heads, rendered.domain, healer, swapper)
