"""How a training goes, on patients it has not seen: the sample sheet as a picture, the scorecard's short form as a
line."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from pipeline.disease import subtract
from pipeline.edits import flow_edit
from pipeline.faces import FaceFinder, SFace
from pipeline.models import (
    Branch,
    HealingFlow,
    HealingNet,
    HealingPrompt,
    SwappingFlow,
    SwappingNet,
    SwappingPrompt,
    rgb_from_pixels,
)
from pipeline.photograph import Rgb
from pipeline.training.cache import PairCache
from pipeline.training.captions import LESION, PERSONA
from pipeline.training.healing import TRUE_LESION
from pipeline.vocabulary import FIELDS, PERSONA_FIELDS

_UNKNOWN = [list(FIELDS).index(name) for name in (*PERSONA_FIELDS, "severity", "site")]
"""What no header says: these prompts leave it out, as in service."""


@dataclass(frozen=True)
class Edited:
    """One edit of a held-out patient, with the truth beside it; pictures uint8 (R, R, 3)."""

    lesion: str
    truth: np.ndarray
    """Where it is, bool (R, R)."""
    before: Rgb
    after: Rgb
    wanted: Rgb
    healthy: Rgb
    """The patient's healthy photograph…"""
    untouched: Rgb
    """…and what healing makes of it."""


def heal_held_out(net: HealingNet, held_out: PairCache, patients: int) -> list[Edited]:
    """The same ``patients`` each time, healed."""
    flow = HealingFlow(net, digest="in training")

    def edit(picture: Tensor, tokens: Tensor, landmarks: Tensor, random: torch.Generator) -> Tensor:
        del landmarks
        prompts = [HealingPrompt(tuple(said.tolist()), picture) for said in (_as_it_is(tokens), tokens)]
        source, target = (Branch(prompt) for prompt in prompts)
        return flow_edit(flow, picture, source, [target], sigma_start=1.0, steps=2, generator=random)[0]

    edited = _edit_held_out(edit, held_out, patients, "patient_sick", "patient_healthy")
    net.train().requires_grad_(False)
    return edited


def swap_held_out(net: SwappingNet, held_out: PairCache, patients: int) -> list[Edited]:
    """The same ``patients`` each time, as somebody else."""
    flow = SwappingFlow(net, digest="in training")

    def edit(picture: Tensor, tokens: Tensor, landmarks: Tensor, random: torch.Generator) -> Tensor:
        prompts = []
        for said in (_as_it_is(tokens), tokens):
            laid = partial(net.portraits.beside, said[-1:], landmarks)
            prompts.append(SwappingPrompt(tuple(said.tolist()), picture, laid(), laid))
        source, target = (Branch(prompt) for prompt in prompts)
        return flow_edit(flow, picture, source, [target], sigma_start=1.0, steps=1, generator=random)[0]

    edited = _edit_held_out(edit, held_out, patients, "patient_healthy", "disguised_healthy")
    net.train().requires_grad_(False)
    return edited


def _as_it_is(tokens: Tensor) -> Tensor:
    source = tokens.clone()
    source[[LESION, PERSONA]] = 0
    return source


Edit = Callable[[Tensor, Tensor, Tensor, torch.Generator], Tensor]
"""A picture [1,3,R,R], the target's caption [fields], the face's landmarks [1,5,2] and noise to the edited picture."""


def _edit_held_out(edit: Edit, held_out: PairCache, patients: int, before: str, wanted: str) -> list[Edited]:
    random = torch.Generator().manual_seed(7)
    batch = held_out.draw(patients, random)
    edited = []
    for k in range(patients):
        image = {name: pictures[k : k + 1] for name, pictures in batch.images.items()}
        said = {name: tokens[k].clone() for name, tokens in batch.tokens.items()}
        kind = FIELDS["lesion"][int(said["patient_sick"][LESION]) - 1]
        for tokens in said.values():
            tokens[_UNKNOWN] = 0
        landmarks = batch.landmarks[k : k + 1]
        pictures = (
            image[before],
            edit(image[before], said[wanted], landmarks, random),
            image[wanted],
            image["patient_healthy"],
            edit(image["patient_healthy"], said["patient_healthy"], landmarks, random),
        )
        truth = batch.soft["patient"][k, 0].numpy() > TRUE_LESION
        edited.append(Edited(kind, truth, *(rgb_from_pixels(z) for z in pictures)))
    return edited


def write_sheet(edited: list[Edited], path: Path) -> None:
    """Two patients a row, each before the edit, after it, and as it should be."""
    cells = [np.concatenate([one.before, one.after, one.wanted], 1) for one in edited]
    rows = [np.concatenate(cells[k : k + 2], 1) for k in range(0, len(cells) - 1, 2)]
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.concatenate(rows, 0)).save(path)


def healing_figures(edited: list[Edited]) -> str:
    """Mask IoU by lesion, and the area called diseased where nothing is."""
    overlaps: dict[str, list[float]] = defaultdict(list)
    for one in edited:
        mask = subtract(one.before, one.after, model_pixel=1.0).mask
        overlaps[one.lesion].append(float((mask & one.truth).sum() / max((mask | one.truth).sum(), 1)))
    false_area = np.mean([subtract(one.healthy, one.untouched, model_pixel=1.0).mask.mean() for one in edited])
    kinds = " ".join(f"{kind} {np.mean(values):.2f}" for kind, values in sorted(overlaps.items()))
    every = np.mean([value for values in overlaps.values() for value in values])
    return f"mask IoU {every:.3f} ({kinds}), false area {false_area:.4f}"


def swap_figures(edited: list[Edited]) -> str:
    """SFace's cosine of the swap to patient and to true swap, and of these two to each other; means."""
    finder, sface = FaceFinder(), SFace()
    cosines: list[tuple[float, float, float]] = []
    for one in edited:
        seen = (one.before, one.after, one.wanted)
        found = [finder.find(picture) for picture in seen]
        if all(found):
            patient, twin, true = (sface.describe(rgb, faces[0]) for rgb, faces in zip(seen, found, strict=True))
            cosines.append((sface.score(twin, patient), sface.score(twin, true), sface.score(patient, true)))
    to_patient, to_truth, between = np.mean(cosines, axis=0) if cosines else (np.nan,) * 3
    return (
        f"SFace to patient {to_patient:.2f}, to true swap {to_truth:.2f}, between these {between:.2f} "
        f"({len(cosines)} of {len(edited)} faces)"
    )
