"""How a training goes, on patients it has not seen: the sample sheet as a picture, the scorecard's short form as a
line."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from pipeline.faces import FaceFinder
from pipeline.flowedit import flow_edit
from pipeline.models.base import Branch, rgb_from_pixels
from pipeline.models.embedded import EmbeddedModel, EmbeddedPrompt
from pipeline.models.embedded_net import EmbeddedNet
from pipeline.photograph import Rgb
from pipeline.prompts import FIELDS, PERSONA_FIELDS
from pipeline.recognisers import SFace
from pipeline.subtraction import subtract
from pipeline.training.cache import PairCache
from pipeline.training.captions import LESION, PERSONA

_UNKNOWN = [list(FIELDS).index(name) for name in (*PERSONA_FIELDS, "severity", "site")]
"""What no header says: these prompts leave it out, as in service."""
_TRUE_LESION = 0.35


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


def heal_held_out(net: EmbeddedNet, held_out: PairCache, patients: int) -> list[Edited]:
    """The same ``patients`` each time, healed."""
    return _edit_held_out(net, held_out, patients, "patient_sick", "patient_healthy")


def swap_held_out(net: EmbeddedNet, held_out: PairCache, patients: int) -> list[Edited]:
    """The same ``patients`` each time, as somebody else."""
    return _edit_held_out(net, held_out, patients, "patient_healthy", "disguised_healthy")


def _edit_held_out(net: EmbeddedNet, held_out: PairCache, patients: int, before: str, wanted: str) -> list[Edited]:
    model = EmbeddedModel(net, net, digest="in training")
    random = torch.Generator().manual_seed(7)
    batch = held_out.draw(patients, random)
    edited = []
    for k in range(patients):
        image = {name: pictures[k : k + 1] for name, pictures in batch.images.items()}
        face = batch.landmarks[k : k + 1]

        def edit(z: Tensor, target: Tensor, face: Tensor = face) -> Tensor:
            source = target.clone()
            source[[LESION, PERSONA]] = 0
            branches = [Branch(_prompt(net, z, tokens, face)) for tokens in (source, target)]
            return flow_edit(model, z, branches[0], branches[1:], sigma_start=1.0, steps=2, generator=random)[0]

        said = {name: tokens[k] for name, tokens in batch.tokens.items()}
        if wanted == "patient_healthy":
            said[wanted][PERSONA] = 0
        pictures = (
            image[before],
            edit(image[before], said[wanted]),
            image[wanted],
            image["patient_healthy"],
            edit(image["patient_healthy"], said["patient_healthy"]),
        )
        kind = FIELDS["lesion"][int(said["patient_sick"][LESION]) - 1]
        truth = batch.soft["patient"][k, 0].numpy() > _TRUE_LESION
        edited.append(Edited(kind, truth, *(rgb_from_pixels(z) for z in pictures)))
    net.train().requires_grad_(False)
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


def _prompt(net: EmbeddedNet, photograph: Tensor, tokens: Tensor, landmarks: Tensor) -> EmbeddedPrompt:
    said = tokens.clone()
    said[_UNKNOWN] = 0
    laid = partial(net.portraits.beside, said[-1:], landmarks)
    return EmbeddedPrompt(tuple(said.tolist()), photograph, laid(), laid)
