"""``python -m pipeline.training.validate``: the whole pixel pipeline on rendered patients that training never saw.

Each patient goes through swap, gate, heal and subtraction just as in service, with nothing but what a header tells:
sex, age and the kind of the lesion. The truth beside each figure comes from the renderer.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from skimage.color import rgb2lab
from skimage.filters import threshold_otsu

from pipeline.errors import Refusal
from pipeline.persona import persona_for
from pipeline.photograph import Findings, Hints, Photograph, Rgb
from pipeline.prompts import FIRST_PERSONA_SEED, PERSONAS
from pipeline.renderer.mpfb2 import mpfb2_folder
from pipeline.renderer.patient import RenderedPatient, Renderer
from pipeline.training.render import HELD_OUT_FACE_SEEDS
from pipeline.twins import FlowTwinMaker, load_flow_twin_maker

ATTEMPTS = 3
AGES = {"adolescent": 16, "young adult": 27, "middle-aged": 48, "elderly": 72}


@dataclass(frozen=True)
class Case:
    """One patient's figures. IoUs against the truth; delta E is CIE 1976; None where nothing was released."""

    seed: int
    lesion: str
    skin_type: str
    released: bool
    attempts: int
    sface_cosine: float | None
    dlib_distance: float | None
    ncc: float | None
    mask_iou_truth: float
    otsu_iou: float
    outside_delta_e: float
    lesion_delta_a: float
    lesion_class: str
    seconds: float


def validate(renderer: Renderer, maker: FlowTwinMaker, seeds: range, sheet: Path | None) -> list[Case]:
    """Figures of every patient of ``seeds`` whose lesion can be seen; the first sixteen as pictures in ``sheet``."""
    cases: list[Case] = []
    rows: list[NDArray[np.uint8]] = []
    for seed in seeds:
        patient = renderer.patient(seed, output=384)
        if not patient.visible:
            continue
        case, pictures = _one(renderer, maker, patient, seed)
        cases.append(case)
        print(json.dumps(asdict(case)), flush=True)
        if len(rows) < 16:
            rows.append(np.concatenate(pictures, 1))
    if sheet is not None and rows:
        sheet.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.concatenate(rows, 0)).save(sheet)
    return cases


def _one(
    renderer: Renderer, maker: FlowTwinMaker, patient: RenderedPatient, seed: int
) -> tuple[Case, list[NDArray[np.uint8]]]:
    words = patient.description
    hints = Hints(
        view="face",
        sex="female" if words.sex == "female" else "male",
        age_years=AGES[words.age or "middle-aged"],
        lesion=words.lesion,  # type: ignore[arg-type]  # the renderer's kinds are the vocabulary's
    )
    photograph = Photograph(patient.photograph, hints)
    persona_seed = hashlib.sha256(str(seed).encode()).digest()
    began = time.perf_counter()
    findings: Findings | None = None
    for attempt in range(ATTEMPTS):
        sick = maker.swap(photograph, persona_seed, attempt)
        try:
            findings = maker.judge(photograph, sick)
            break
        except Refusal as refusal:
            print(f"seed {seed} attempt {attempt}: {type(refusal).__name__}: {refusal}", flush=True)
    healthy = maker.heal(sick, hints, persona_seed, attempt)
    found = maker.subtract(sick, healthy)
    seconds = time.perf_counter() - began
    persona = FIRST_PERSONA_SEED + PERSONAS.index(persona_for(persona_seed, attempt))
    truth = renderer.disguised(seed, persona, output=384)
    difference = rgb2lab(sick) - rgb2lab(healthy)
    wanted = rgb2lab(patient.photograph) - rgb2lab(patient.healthy_twin)
    outside = truth.lesion_soft < 0.02
    redness = rgb2lab(sick)[..., 1]
    case = Case(
        seed=seed,
        lesion=words.lesion,
        skin_type=words.skin_type,
        released=findings is not None,
        attempts=attempt + 1,
        sface_cosine=findings.sface_cosine if findings else None,
        dlib_distance=findings.dlib_distance if findings else None,
        ncc=findings.ncc if findings else None,
        mask_iou_truth=_iou(found.mask, truth.mask),
        otsu_iou=_iou(redness > threshold_otsu(redness), truth.mask),
        outside_delta_e=float(np.median(np.linalg.norm(difference, axis=-1)[outside])),
        lesion_delta_a=float(abs(np.median(difference[truth.mask][:, 1]) - np.median(wanted[patient.mask][:, 1]))),
        lesion_class=found.lesion_class,
        seconds=seconds,
    )
    return case, [patient.photograph, sick, truth.photograph, healthy, _heat(difference), _outlined(sick, found.mask)]


def _iou(mask: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    return float((mask & truth).sum() / max(int((mask | truth).sum()), 1))


def _heat(difference: NDArray[np.floating]) -> Rgb:
    return np.asarray(np.clip(128 + 6 * difference, 0, 255), np.uint8)


def _outlined(rgb: Rgb, mask: NDArray[np.bool_]) -> Rgb:
    from skimage.segmentation import find_boundaries

    out = rgb.copy()
    out[find_boundaries(mask)] = (0, 255, 0)
    return out


def summary(cases: list[Case]) -> dict[str, object]:
    """Means over all and by lesion kind, with their n."""

    def mean(name: str, chosen: list[Case]) -> float:
        return round(float(np.mean([getattr(case, name) for case in chosen])), 3)

    kinds = sorted({case.lesion for case in cases})
    types = sorted({case.skin_type for case in cases})
    released = [case for case in cases if case.released]
    return {
        "n": len(cases),
        "release_rate": mean("released", cases),
        "attempts": mean("attempts", cases),
        "sface_cosine": mean("sface_cosine", released) if released else None,
        "dlib_distance": mean("dlib_distance", released) if released else None,
        "mask_iou_truth": mean("mask_iou_truth", cases),
        "otsu_iou": mean("otsu_iou", cases),
        "outside_delta_e": mean("outside_delta_e", cases),
        "lesion_delta_a": mean("lesion_delta_a", cases),
        "median_seconds": round(float(np.median([case.seconds for case in cases])), 2),
        "by_lesion": {
            kind: {
                "n": len(chosen),
                "mask_iou_truth": mean("mask_iou_truth", chosen),
                "otsu_iou": mean("otsu_iou", chosen),
                "release_rate": mean("released", chosen),
            }
            for kind in kinds
            for chosen in [[case for case in cases if case.lesion == kind]]
        },
        "by_skin_type": {
            skin: {
                "n": len(chosen),
                "mask_iou_truth": mean("mask_iou_truth", chosen),
                "release_rate": mean("released", chosen),
            }
            for skin in types
            for chosen in [[case for case in cases if case.skin_type == skin]]
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m pipeline.training.validate", description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("build/training"))
    parser.add_argument("--assets", type=Path, help="folder with hair, eyebrows and eyelashes")
    parser.add_argument("--patients", type=int, default=60)
    arguments = parser.parse_args()
    renderer = Renderer(mpfb2_folder(), arguments.assets, arguments.work / "geometry")
    start = HELD_OUT_FACE_SEEDS.start
    seeds = range(start, start + arguments.patients)
    cases = validate(renderer, load_flow_twin_maker(), seeds, arguments.work / "validation.png")
    figures = summary(cases)
    (arguments.work / "validation.json").write_text(json.dumps(figures, indent=1) + "\n")
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
