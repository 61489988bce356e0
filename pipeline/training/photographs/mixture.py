"""One example of training from photographs: drawn, painted on, lit and cut anew each time it is asked for.

Masks teach where disease is; exact pairs come from laying real and painted lesions on skin that has none. Half of what
is shown changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from pipeline.photograph import View
from pipeline.srgb import intensities
from pipeline.training.examples import Examples
from pipeline.training.photographs.canvas import Array, Canvas, blurred
from pipeline.training.photographs.clutter import clutter
from pipeline.training.photographs.lesions import Painted, moved, painted
from pipeline.training.photographs.marks import band, tattoo
from pipeline.training.photographs.scenes import Scene, captured, cut, letterboxed, lit, part, resized
from pipeline.training.photographs.skin_place import skin_around
from pipeline.training.photographs.store import Store, enlarged_skin
from pipeline.vocabulary import FIELDS, ClinicalPrompt


@dataclass(frozen=True)
class Shares:
    """How often what is drawn; of the rows that come from photographs."""

    dermoscopy: float = 0.31
    wounds: float = 0.26
    face: float = 0.26
    close_up: float = 0.17
    filled_alone: float = 0.14
    """Of outlined photographs, those shown as they were filled: nothing is there to be healed."""
    parts: bool = False
    """Whether a face is shown in parts, as close-ups of its skin are."""
    face_painted: float = 0.5
    close_up_painted: float = 0.7
    marked: float = 0.2
    """Of skin without a face, what bears a tattoo or a band."""
    cluttered: float = 0.3
    as_it_is: float = 0.06
    """Of diseased skin, what is told to stay as it is: the source branch of every edit says so."""
    healed: bool = True
    """Whether what lies below the disease is drawn too: who looks for marks alone has no use for it."""
    told: float = 0.2
    """Captions that say sex, age or skin type, at random: no such word may decide anything here."""


SKIN_ALONE = Shares(dermoscopy=0.46, wounds=0.28, face=0.0, close_up=0.26, marked=0.5, cluttered=0.55)
"""For a network that is never shown a face."""
FACES = Shares(dermoscopy=0.0, wounds=0.0, face=0.88, close_up=0.12, face_painted=0.65)
"""For one that is shown little else."""
CLOSER = Shares(dermoscopy=0.06, wounds=0.06, face=0.76, close_up=0.12, face_painted=0.7, parts=True, marked=0.1)
"""For one that is shown faces in parts."""
MARKED = Shares(
    dermoscopy=0.32, wounds=0.48, face=0.0, close_up=0.20, marked=0.6, cluttered=0.6, as_it_is=0.0, told=0.0,
    healed=False,
)  # fmt: skip
"""For one that learns of marks alone."""
OUTLINED = Shares(
    dermoscopy=0.52, wounds=0.3, face=0.0, close_up=0.18, filled_alone=0.1, marked=0.15, cluttered=0.35, as_it_is=0.0,
    told=0.0,
)  # fmt: skip
"""For one that learns where disease is on skin without a face, and nothing else."""
_PARTS = (0.28, 0.52)
"""Side of a part of a face, of the square around that face."""
_MOST_DISEASED, _LOOKS = 0.4, 5
"""Share of a part beyond which another is looked for, so many times in all: redness from edge to edge might as well be
the light, and teaches to mark nothing or anything."""


class PhotographExamples:
    """Draws examples from a ``Store``; the same for the same seed."""

    def __init__(self, store: Store, shares: Shares | None = None, side: int | None = None) -> None:
        """``side``: of the examples, in pixels; the store's if not given."""
        self._store, self._shares, self._side = store, shares or Shares(), side
        self._lesions = store.real_lesions()
        self._dermoscopy = np.nonzero(store.through_dermatoscope)[0]
        self._wounds = np.nonzero(~store.through_dermatoscope)[0]

    def draw(self, rows: int, seed: int) -> Examples:
        """``rows`` examples. Pictures are float32 [rows, 3, R, R] in [-1, 1], as those of renders are."""
        random = np.random.default_rng(seed)
        drawn = [self._one(random) for _ in range(rows)]
        scenes = [scene for scene, _, _ in drawn]

        def pictures(arrays: list[Array]) -> torch.Tensor:
            return torch.from_numpy(np.stack(arrays)).permute(0, 3, 1, 2).float() * 2 - 1

        def fields(arrays: list[Array]) -> torch.Tensor:
            return torch.from_numpy(np.stack(arrays))[:, None].float().clamp(0, 1)

        side = scenes[0].soft.shape[0]
        unknown = np.full((side, side), np.nan, np.float32)
        return Examples(
            before=pictures([scene.before for scene in scenes]),
            after=pictures([scene.before if stays else scene.after for scene, _, stays in drawn]),
            tokens=torch.tensor([prompt.tokens() for _, prompt, _ in drawn]),
            soft=fields([scene.soft for scene in scenes]),
            head=torch.ones(rows, 1, side, side),
            landmarks=torch.full((rows, 5, 2), math.nan),
            mark=fields([unknown if scene.mark is None else scene.mark for scene in scenes]),
        )

    def _one(self, random: np.random.Generator) -> tuple[Scene, ClinicalPrompt, bool]:
        """A scene, what is said of it, and whether it is to stay as it is."""
        shares = self._shares
        kinds: list[tuple[Callable[[np.random.Generator], tuple[Scene, View]], float]] = [
            (self._dermoscopic, shares.dermoscopy), (self._wound, shares.wounds),
            (self._face, shares.face), (self._close_up, shares.close_up),
        ]  # fmt: skip
        chances = np.array([share for _, share in kinds])
        make, _ = kinds[int(random.choice(len(kinds), p=chances / chances.sum()))]
        scene, view = make(random)
        if self._side is not None:
            scene = resized(scene, self._side)
        scene = captured(lit(scene, random), random)
        stays = random.random() < shares.as_it_is and bool(scene.soft.max() > 0)
        words: dict[str, str] = {"view": view} if stays else {"view": view, "lesion": "healthy"}
        if random.random() < shares.told:
            for name in ("sex", "age", "skin_type") if view == "face" else ("skin_type",):
                words[name] = str(random.choice(FIELDS[name]))
        return scene, ClinicalPrompt(words), stays

    def _outlined(self, number: int, random: np.random.Generator) -> tuple[Scene, Array]:
        """One photograph that somebody outlined, and the skin beside what was outlined."""
        store = self._store
        place = skin_around(store.lesions[number], store.outlines[number] > 127)
        soft = store.outlines[number].astype(np.float32) / 255
        if random.random() < self._shares.filled_alone:
            filled = intensities(store.filled[number])
            return Scene(filled, filled, np.zeros_like(soft), np.zeros_like(soft)), place
        before = intensities(store.lesions[number])
        after = intensities(store.filled[number]) if self._shares.healed else before
        return Scene(before, after, soft, np.zeros_like(soft)), place

    def _dermoscopic(self, random: np.random.Generator) -> tuple[Scene, View]:
        scene, place = self._outlined(int(random.choice(self._dermoscopy)), random)
        scene = self._with_things(scene, place, random)
        scene = cut(scene, random, (0.5, 1.6), any_side_up=True)
        if random.random() < 0.3:
            scene = letterboxed(scene, random)
        return scene, "dermoscopy" if random.random() < 0.6 else "close-up"

    def _wound(self, random: np.random.Generator) -> tuple[Scene, View]:
        scene, place = self._outlined(int(random.choice(self._wounds)), random)
        scene = self._with_things(scene, place, random)
        zoomed = self._around(scene, random) if random.random() < 0.45 else scene
        scene = cut(zoomed, random, (0.85, 1.5), any_side_up=True)
        if random.random() < 0.2:
            scene = letterboxed(scene, random)
        return scene, "close-up"

    @staticmethod
    def _around(scene: Scene, random: np.random.Generator) -> Scene:
        """A part of the picture that holds some of the lesion, enlarged: what a second, closer look is shown."""
        ys, xs = np.nonzero(scene.soft > 0.5)
        if not len(ys):
            return scene
        side = scene.soft.shape[0]
        extent = max(np.ptp(ys), np.ptp(xs)) + 8
        reach = int(np.clip(extent * random.uniform(1.6, 5), 0.2 * side, side))
        middle = np.array([ys.min() + ys.max(), xs.min() + xs.max()]) / 2 + random.normal(0, 0.12, 2) * reach
        top, left = np.clip(np.rint(middle - reach / 2), 0, side - reach).astype(int)

        return resized(part(scene, (top, left), reach), side)

    def _face(self, random: np.random.Generator) -> tuple[Scene, View]:
        store = self._store
        number = int(random.integers(len(store.faces)))
        skin, where = intensities(store.faces[number]), store.face_skin[number].astype(np.float32) / 255
        lesion = None
        if random.random() < self._shares.face_painted:
            lesion = self._lesion(Canvas(skin, where, random), random, (0.03, 0.3))
        sick, soft = lesion or (skin, np.zeros_like(where))
        scene = Scene(sick if lesion else skin, skin, soft, None)
        scene = cut(scene, random, (0.9, 1.15), any_side_up=False)
        return (self._part_of_face(scene, random), "close-up") if self._shares.parts else (scene, "face")

    @staticmethod
    def _part_of_face(scene: Scene, random: np.random.Generator) -> Scene:
        """Somewhere in the square, or where the lesion is, and not in its midst: its mouth, hair and glasses are shown
        as often as its cheeks."""
        side = scene.soft.shape[0]
        ys, xs = np.nonzero(scene.soft > 0.35)
        on_it = len(ys) > 0 and random.random() < 0.75
        shown = scene
        for _ in range(_LOOKS):
            reach = round(side * math.exp(random.uniform(*np.log(_PARTS))))
            if on_it:
                k = int(random.integers(len(ys)))
                middle = np.array([ys[k], xs[k]]) + random.uniform(-0.4, 0.4, 2) * reach
            else:
                middle = random.uniform(0.2, 0.8, 2) * side
            shown = part(scene, np.clip(np.rint(middle - reach / 2), 0, side - reach).astype(int), reach)
            if shown.soft.mean() < _MOST_DISEASED:
                break
        return shown

    def _close_up(self, random: np.random.Generator) -> tuple[Scene, View]:
        """Skin that had nothing, or whose lesion was filled, with lesions of all sizes and kinds."""
        store = self._store
        if random.random() < 0.5:
            number = int(random.integers(len(store.faces)))
            patch, where = enlarged_skin(store.faces[number], store.face_skin[number], random)
        else:
            number = int(random.integers(len(store.filled)))
            patch = store.filled[number]
            lab = cv2.cvtColor(patch, cv2.COLOR_RGB2LAB).astype(np.float32)
            inside = store.outlines[number] > 127
            colour = np.median(lab[inside if inside.any() else np.ones_like(inside)], 0)
            alike = np.linalg.norm(lab - colour, axis=-1) < 45
            where = blurred(alike.astype(np.float32), 2)
        skin = intensities(np.asarray(patch, np.uint8))
        canvas = Canvas(skin, np.asarray(where, np.float32), random)
        texture = np.exp(random.uniform(0, 0.05) * canvas.noise(random.uniform(1.5, 4)))[..., None]
        canvas = Canvas(np.asarray(skin * texture, np.float32), canvas.where, random)
        none = np.zeros_like(canvas.where)
        lesion = self._lesion(canvas, random, (0.03, 0.8)) if random.random() < self._shares.close_up_painted else None
        sick, soft = lesion or (canvas.skin, none)
        scene = Scene(sick if lesion else canvas.skin, canvas.skin, soft, none)
        scene = self._with_things(scene, canvas.where, random)
        scene = cut(scene, random, (0.8, 1.3), any_side_up=True)
        if random.random() < 0.4:
            scene = letterboxed(scene, random)
        return scene, "close-up" if random.random() < 0.8 else "dermoscopy"

    def _lesion(self, canvas: Canvas, random: np.random.Generator, share: tuple[float, float]) -> Painted | None:
        """Painted, or a real one moved here, ``share`` of the picture across."""
        if random.random() < 0.5:
            return painted(canvas)
        across = math.exp(random.uniform(math.log(share[0]), math.log(share[1])))
        count = 1 if across > 0.2 or random.random() < 0.6 else int(random.integers(2, 7))
        soft = np.zeros_like(canvas.where)
        skin, chosen = canvas.skin, self._lesions[int(random.integers(len(self._lesions)))]
        for _ in range(count):
            laid = moved(Canvas(skin, canvas.where, random), chosen, across * random.uniform(0.6, 1.2))
            if laid is None:
                return None
            skin, soft = laid[0], np.maximum(soft, laid[1])
        return skin, soft

    @staticmethod
    def _still_seen(scene: Scene, before: Array, after: Array) -> Array:
        """Where disease is, but for what now lies below something: a plaster hides it from everybody."""
        if after is before:
            return scene.soft
        was, now = (np.abs(one - other).sum(-1) for one, other in ((scene.before, scene.after), (before, after)))
        return np.asarray(scene.soft * ~((now < 0.2 * was) & (was > 0.03)), np.float32)

    def _with_things(self, scene: Scene, where: Array, random: np.random.Generator) -> Scene:
        """Sometimes a mark on the skin beside the lesion, sometimes what lies there and means nothing."""
        shares = self._shares
        same = scene.after is scene.before
        if random.random() < shares.marked:
            beside = where * (1 - cv2.dilate((scene.soft > 0.02).astype(np.float32), np.ones((9, 9), np.uint8)))
            canvas = Canvas(scene.after, beside, random)
            drawn = tattoo(canvas) if random.random() < 0.75 else band(canvas)
            if drawn is not None:
                marked, mark = drawn
                change = (marked + 1e-3) / (scene.after + 1e-3)
                before = marked if same else np.asarray(scene.before * change, np.float32)
                scene = Scene(before, marked, scene.soft, mark)
        if random.random() < shares.cluttered:
            state = random.bit_generator.state
            before = clutter(Canvas(scene.before, np.ones_like(scene.soft), random))
            after = before
            if scene.after is not scene.before:
                random.bit_generator.state = state  # the same things on both
                after = clutter(Canvas(scene.after, np.ones_like(scene.soft), random))
            scene = Scene(before, after, self._still_seen(scene, before, after), scene.mark)
        return scene
