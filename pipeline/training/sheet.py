"""How a training goes, on patients it has not seen: the sample sheet as a picture, the short form as a line."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
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
    """One held-out patient, healed and then swapped, with the truth beside each; uint8 (R, R, 3)."""

    lesion: str
    truth: np.ndarray
    """Where it is, bool (R, R)."""
    photograph: Rgb
    healed: Rgb
    healthy: Rgb
    swapped: Rgb
    disguised: Rgb
    untouched: Rgb
    """What healing makes of the patient's healthy photograph."""


def edit_held_out(net: EmbeddedNet, held_out: PairCache, patients: int) -> list[Edited]:
    """The same ``patients`` each time."""
    model = EmbeddedModel(net, digest="in training")
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
        healed = edit(image["patient_sick"], said["patient_healthy"])
        pictures = (
            image["patient_sick"],
            healed,
            image["patient_healthy"],
            edit(healed, said["disguised_healthy"]),
            image["disguised_healthy"],
            edit(image["patient_healthy"], said["patient_healthy"]),
        )
        edited.append(
            Edited(
                FIELDS["lesion"][int(said["patient_sick"][LESION]) - 1],
                batch.soft["patient"][k, 0].numpy() > _TRUE_LESION,
                *(rgb_from_pixels(z) for z in pictures),
            )
        )
    net.train().requires_grad_(False)
    return edited


def write_sheet(edited: list[Edited], path: Path) -> None:
    """A row for each patient: photograph, healed, true healthy skin, swapped, true swap."""
    rows = [
        np.concatenate([one.photograph, one.healed, one.healthy, one.swapped, one.disguised], 1) for one in edited
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.concatenate(rows, 0)).save(path)


def short_form(edited: list[Edited]) -> str:
    """Mask IoU by lesion, false area on healthy skin, and SFace's cosine of the swap to patient and to true swap."""
    finder, sface = FaceFinder(), SFace()
    overlaps: dict[str, list[float]] = defaultdict(list)
    cosines: list[tuple[float, float]] = []
    for one in edited:
        mask = subtract(one.photograph, one.healed, model_pixel=1.0).mask
        overlaps[one.lesion].append(float((mask & one.truth).sum() / max((mask | one.truth).sum(), 1)))
        found = [finder.find(picture) for picture in (one.photograph, one.swapped, one.disguised)]
        if all(found):
            seen = (one.photograph, one.swapped, one.disguised)
            patient, twin, truth = (sface.describe(rgb, faces[0]) for rgb, faces in zip(seen, found, strict=True))
            cosines.append((sface.score(twin, patient), sface.score(twin, truth)))
    false_area = np.mean([subtract(one.healthy, one.untouched, model_pixel=1.0).mask.mean() for one in edited])
    kinds = " ".join(f"{kind} {np.mean(values):.2f}" for kind, values in sorted(overlaps.items()))
    every = np.mean([value for values in overlaps.values() for value in values])
    patient_cosine, truth_cosine = np.mean(cosines, axis=0) if cosines else (np.nan, np.nan)
    return (
        f"mask IoU {every:.3f} ({kinds}), false area {false_area:.4f}, "
        f"SFace to patient {patient_cosine:.2f} to true swap {truth_cosine:.2f} ({len(cosines)} faces)"
    )


def _prompt(net: EmbeddedNet, photograph: Tensor, tokens: Tensor, landmarks: Tensor) -> EmbeddedPrompt:
    said = tokens.clone()
    said[_UNKNOWN] = 0
    return EmbeddedPrompt(tuple(said.tolist()), photograph, net.portraits.beside(said[-1:], landmarks))
