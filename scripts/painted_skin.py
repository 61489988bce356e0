"""Lesions painted on faces and tattoos painted on skin, of photographs that training never saw: what is found of them.

    python -m scripts.painted_skin lesions --photographs FOLDER|ZIP --out FILE [--limit N]
    python -m scripts.painted_skin tattoos --photographs FOLDER|ZIP --out FILE [--limit N] [--tuning]

The truth is exact, since it is painted here; the painters are those of the training, the people and the skin are not.
``lesions``: each photograph of the folder is a face without disease, looked at with a lesion and without; of the square
around it ``marked_without`` is called diseased. Painted is what has the colour of the cheeks, which now and then is a
wall, a hat or hair: ``on_the_face`` are those lesions of which three quarters lie where a mesh of the face sees bare
skin. ``tattoos``: the outlined photographs that are held out from training (or, with --tuning, those on which the rule
was chosen), each with and without a tattoo.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from skimage.color import rgb2lab

from pipeline.albums import PhotographFile, photographs_in
from pipeline.disease import subtract
from pipeline.edits import FaceCrop, FlowTwinMaker, load_flow_twin_maker
from pipeline.errors import IdentifyingMark, PipelineError, Refusal, Undecided
from pipeline.faces import FaceFinder
from pipeline.heads import FaceMesh, bare_skin, face_skin
from pipeline.photograph import Hints, Photograph, Rgb
from pipeline.srgb import as_bytes, intensities
from pipeline.training.photographs import PAINTERS, Canvas, for_tuning, skin_around, tattoo

_SQUARE = 256
_LESION = 0.35
"""Share of a pixel from which it is lesion, as in training."""
_ON_FACE = 0.75
"""Share of a lesion that lies on bare skin of the face, from which it counts as one of the face."""
_SMALLEST_TATTOO = 0.004
"""Share of the picture below which a tattoo that fell on too little skin is not counted."""


def bootstrap(values: np.ndarray) -> list[float]:
    """Mean and its 95 % interval."""
    random = np.random.default_rng(0)
    means = values[random.integers(len(values), size=(2000, len(values)))].mean(1)
    return [round(float(value), 4) for value in (values.mean(), *np.percentile(means, [2.5, 97.5]))]


def lesions(album: Path, limit: int | None, maker: FlowTwinMaker) -> dict[str, Any]:
    finder, mesh = FaceFinder(), FaceMesh()
    rows: list[dict[str, Any]] = []
    for number, one in enumerate(photographs_in([album], "face")[:limit]):
        rgb = one.rgb()
        faces = finder.find(rgb)
        if not faces:
            continue
        crop = FaceCrop.around(faces[0], rgb.shape)
        square = crop.take(rgb, _SQUARE)
        landmarks = crop.within(faces[0].landmarks, _SQUARE)
        where = face_skin(square, landmarks)
        kind = list(PAINTERS)[number % len(PAINTERS)]
        made = PAINTERS[kind].paint(Canvas(intensities(square), where, np.random.default_rng([number, 1])))
        if made is None or (made[1] > _LESION).sum() < 20:
            continue
        sick = as_bytes(made[0])
        painted = crop.put_difference(rgb, square, sick)
        truth = np.asarray(cv2.resize(made[1], (crop.side, crop.side)) > _LESION)
        whole = np.zeros(rgb.shape[:2], bool)
        rows_in, columns_in = (slice(max(start, 0), min(start + crop.side, length)) for start, length in (
            (crop.top, rgb.shape[0]), (crop.left, rgb.shape[1])))  # fmt: skip
        whole[rows_in, columns_in] = truth[
            rows_in.start - crop.top : rows_in.stop - crop.top,
            columns_in.start - crop.left : columns_in.stop - crop.left,
        ]
        if not whole.any():
            continue
        on_face = _on_bare_skin(made[1] > _LESION, mesh, square, landmarks)
        mask, healed = marked(maker, painted, crop.side)
        alone, _ = marked(maker, rgb, crop.side)
        wanted, kept = (
            float((rgb2lab(one) - rgb2lab(other))[whole][:, 1].mean())
            for one, other in ((painted, rgb), (painted, healed))
        )
        iou = float((mask & whole).sum() / max((mask | whole).sum(), 1))
        false = float(alone.sum()) / crop.side**2
        rows.append({"kind": kind, "iou": iou, "redness": abs(wanted - kept), "false": false, "on_face": on_face})
    kinds = {kind: _mean("iou", [row for row in rows if row["kind"] == kind]) for kind in PAINTERS}
    faces_own = [row for row in rows if row["on_face"] >= _ON_FACE]
    return {
        "n": len(rows),
        "mask_iou": _mean("iou", rows),
        "marked_without": _mean("false", rows),
        "redness_lost": _mean("redness", rows),
        "by_kind": kinds,
        "on_the_face": {
            "n": len(faces_own),
            "mask_iou": _mean("iou", faces_own),
            "redness_lost": _mean("redness", faces_own),
        },
    }


def _on_bare_skin(lesion: NDArray[np.bool_], mesh: FaceMesh, square: Rgb, landmarks: NDArray[np.float64]) -> float:
    """How much of ``lesion`` lies where the mesh of the face sees bare skin; nothing where it sees no face."""
    try:
        bare = bare_skin(mesh.points(square, landmarks), _SQUARE) > 0.5
    except Undecided:
        return 0.0
    return float((bare & lesion).sum() / lesion.sum())


def _mean(figure: str, rows: list[dict[str, Any]]) -> list[float]:
    return bootstrap(np.array([row[figure] for row in rows]))


def marked(maker: FlowTwinMaker, rgb: Rgb, side: int) -> tuple[NDArray[np.bool_], Rgb]:
    """Where a face's photograph is called diseased, and what it is without; ``side``: of the face's square."""
    healed = maker.heal(Photograph(rgb, Hints(view="face"))).taken_off(rgb)
    return subtract(rgb, healed, model_pixel=side / _SQUARE, floor=0.0).mask, healed


def free_skin(rgb: Rgb, mask: NDArray[np.bool_], random: np.random.Generator) -> Canvas:
    """The photograph in a square, and in it what is of the colour of the skin around the outlined disease."""
    side = max(rgb.shape[:2])
    inside = np.s_[: rgb.shape[0], : rgb.shape[1]]
    padded, diseased = np.zeros((side, side, 3), np.uint8), np.zeros((side, side), np.uint8)
    padded[inside], diseased[inside] = rgb, mask
    return Canvas(intensities(padded), skin_around(padded, diseased > 0), random)


def tattoos(
    album: Path, limit: int | None, maker: FlowTwinMaker, kept: Callable[[PhotographFile], bool]
) -> dict[str, Any]:
    with_one, without = [], []
    chosen = [one for one in photographs_in([album]) if one.mask is not None and kept(one)][:limit]
    for number, one in enumerate(chosen):
        rgb = one.rgb()
        mask = one.truth(rgb.shape)
        assert mask is not None
        made = tattoo(free_skin(rgb, mask, np.random.default_rng([number, 2])))
        without.append(held(maker, Photograph(rgb, Hints(view=one.view))))
        if made is not None and (made[1] > 0.5).mean() > _SMALLEST_TATTOO:
            tattooed = as_bytes(made[0])[: rgb.shape[0], : rgb.shape[1]]
            with_one.append(held(maker, Photograph(tattooed, Hints(view=one.view))))
    return {
        "found": [len(with_one), *bootstrap(np.array(with_one, float))],
        "held_without": [len(without), *bootstrap(np.array(without, float))],
    }


def held(maker: FlowTwinMaker, photograph: Photograph) -> bool:
    """Whether the photograph is held for a mark; what holds it for another reason is not."""
    try:
        maker.look_for_marks(photograph, maker.heal(photograph))
    except IdentifyingMark:
        return True
    except (Refusal, PipelineError):
        return False
    return False


def _held_out(one: PhotographFile) -> bool:
    return one.held_out


def _for_tuning(one: PhotographFile) -> bool:
    return for_tuning(one.name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["lesions", "tattoos"])
    parser.add_argument("--photographs", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--tuning", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    maker = load_flow_twin_maker()
    if options.what == "lesions":
        figures = lesions(options.photographs, options.limit, maker)
    else:
        figures = tattoos(options.photographs, options.limit, maker, _for_tuning if options.tuning else _held_out)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(figures, indent=1) + "\n")
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
