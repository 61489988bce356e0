"""How many hard faces are found, how many only held, and how many would pass as "no face".

    python -m scripts.hard_faces --assets FOLDER --cache FOLDER --people 40 --out build/hard_faces.json

People who do not exist, turned, covered, cut off, lying, small and several in one frame, are put before the gate under
the header where it matters most: "close-up", which lets a photograph pass without a face. *Found* means that every
face in the frame is handled as one; *held* that the photograph is refused because something in it may be a face; what
is left is *missed*. Patches of skin without anybody are counted beside them: each one held is held for nothing, and
each one *passed* is right. Of those held, *vouched* are let out when a reviewer says that there is no face.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.errors import Undecided
from pipeline.faces import FaceFinder, Recognisers
from pipeline.gate import FacePolicy
from pipeline.photograph import Hints, Rgb
from pipeline.renderer import RenderedPatient, Renderer, mpfb2_folder

PERSON = 8_400_000
"""Apart from the seeds of training, evaluation and calibration."""
SIDE = 384
CLOSE_UP, DERMOSCOPY = Hints(view="close-up"), Hints(view="dermoscopy")
YAWS = (0, 30, 45, 60, 75, 90)
MASK = ((-0.95, 0.4), (0.0, 0.25), (0.95, 0.4), (0.85, 1.3), (0.0, 1.95), (-0.85, 1.3))
"""Corners of a surgical mask, by the distance between the eyes and by that from eyes to mouth."""
DISTANT = (160, 80, 48)
"""Pixels of the canonical square around the head in a frame of 2400 x 1600."""


@dataclass(frozen=True)
class Case:
    """``name``: the table's row. ``rgb``: one photograph. ``faces``: how many are in it. ``hints``: of its header."""

    name: str
    rgb: Rgb
    faces: int
    hints: Hints = CLOSE_UP


def cases(renderer: Renderer, number: int) -> Iterator[Case]:
    """Every hard case of one person, and of skin without one."""
    seed = PERSON + number
    side = -1 if number % 2 else 1
    hard = {f"yaw {yaw}": renderer.patient(seed, yaw=side * yaw, output=SIDE).photograph for yaw in YAWS}
    person = renderer.patient(seed, output=SIDE)
    hard |= covered(person)
    for name, rgb in hard.items():
        yield Case(name, rgb, 1)
    for name, rgb in hard.items():
        yield Case(f"lying, {name}", np.ascontiguousarray(np.rot90(rgb, -side)), 1)
    for turns in (1, 2, 3):
        yield Case(f"turned by {90 * turns}", np.ascontiguousarray(np.rot90(person.photograph, turns)), 1)
    other = renderer.patient(seed + 1000, output=SIDE).photograph
    lying = np.ascontiguousarray(np.rot90(other))
    profile = renderer.patient(seed + 1000, yaw=80, output=SIDE).photograph
    yield Case("two people", np.concatenate([person.photograph, other], axis=1), 2)
    pair = np.concatenate([person.photograph, other], axis=1)
    halved = cv2.resize(pair, (SIDE, SIDE // 2), interpolation=cv2.INTER_AREA)
    yield Case("four people, half the size", np.tile(halved, (2, 1, 1)), 4)
    yield Case("two people, one lying", np.concatenate([person.photograph, lying], axis=1), 2)
    yield Case("two people, one in profile", np.concatenate([person.photograph, profile], axis=1), 2)
    for side in DISTANT:
        yield Case(f"{side} of 2400 pixels", distant(person.photograph, side), 1)
    yield Case("nobody, skin", renderer.close_up(seed, output=SIDE).photograph, 0)
    yield Case("nobody, dermatoscope", renderer.close_up(seed, dermoscopy=True, output=SIDE).photograph, 0, DERMOSCOPY)


def covered(person: RenderedPatient) -> dict[str, Rgb]:
    """The face behind a drape, a mask, glasses, a dressing, or cut by the photograph's edge."""
    rgb, (right, left, nose, *mouth) = person.photograph, person.landmarks
    eyes, lips = (right + left) / 2, (mouth[0] + mouth[1]) / 2
    across, down = left - right, lips - eyes
    unit = float(np.hypot(*across))

    def at(x: float, y: float) -> NDArray[np.int32]:
        """A point by the distance between the eyes and by that from eyes to mouth."""
        return np.asarray(np.rint(eyes + x * across + y * down), np.int32)

    def painted(colour: tuple[int, int, int], *corners: tuple[float, float]) -> Rgb:
        return np.asarray(cv2.fillPoly(rgb.copy(), [np.stack([at(x, y) for x, y in corners])], colour), np.uint8)

    glasses = painted((18, 18, 20), (-0.2, -0.1), (0.2, -0.1), (0.2, 0.0), (-0.2, 0.0))
    for x in (-0.5, 0.5):
        lens = (round(0.44 * unit), round(0.33 * unit))
        cv2.ellipse(glasses, at(x, 0.05).tolist(), lens, 0, 0, 360, (18, 18, 20), -1)
    dressing = rgb.copy()
    axes = (round(0.75 * unit), round(0.8 * unit))
    cv2.ellipse(dressing, at(0.45, 0.35).tolist(), axes, 0, 0, 360, (226, 214, 196), -1)
    masked = (painted((150, 190, 205), *MASK) != rgb).any(-1, keepdims=True)
    middle, brow = int(np.clip(nose[0], 40, SIDE - 40)), int(np.clip(at(0, -0.3)[1], 40, SIDE - 40))
    below = int(np.clip(at(0, 0.45)[1], 40, SIDE - 40))
    return {
        "drape over one half": painted((70, 120, 140), (0.0, -4), (4, -4), (4, 6), (0.0, 6)),
        "drape over the eyes": painted((70, 120, 140), (-4, -0.45), (4, -0.45), (4, 0.3), (-4, 0.3)),
        "surgical mask": painted((150, 190, 205), *MASK),
        "sunglasses": glasses,
        "mask and sunglasses": np.where(masked, painted((150, 190, 205), *MASK), glasses),
        "dressing on eye and cheek": dressing,
        "cut off, one half left": np.ascontiguousarray(rgb[:, :middle]),
        "cut off, forehead and eyes left": np.ascontiguousarray(rgb[:below]),
        "cut off, nose and mouth left": np.ascontiguousarray(rgb[below:]),
        "cut off below the brows": np.ascontiguousarray(rgb[brow:]),
    }  # fmt: skip


def distant(rgb: Rgb, side: int) -> Rgb:
    """A head in a room: a smooth wall, a darker floor, a little noise."""
    random = np.random.default_rng(side)
    room = cv2.resize(random.uniform(90, 170, (3, 4, 3)), (2400, 1600), interpolation=cv2.INTER_CUBIC)
    room = np.clip(room + random.normal(0, 2, room.shape), 0, 255).astype(np.uint8)
    room[400 : 400 + side, 1500 : 1500 + side] = cv2.resize(rgb, (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(room, np.uint8)


def outcome(policy: FacePolicy, case: Case) -> str:
    """Of "found", "held" and "missed" the one that it is; where nobody is, "passed" in place of the last."""
    try:
        faces = policy.faces(case.rgb, case.hints)
        if not faces and policy.turned_faces(case.rgb, case.hints):
            return "held"
    except Undecided:
        return "held"
    if len(faces) >= max(case.faces, 1):
        return "found"
    return "missed" if case.faces else "passed"


def counted(policy: FacePolicy, case: Case) -> list[str]:
    """The outcome of ``case``, and "vouched" beside "held" where a reviewer's word lets it out."""
    first = outcome(policy, case)
    ruled_out = replace(case, hints=replace(case.hints, face_ruled_out=True))
    vouched = first == "held" and outcome(policy, ruled_out) in {"missed", "passed"}
    return [first, "vouched"] if vouched else [first]


def table(counts: dict[str, Counter[str]], people: int) -> str:
    """One line a case, in the order in which they were counted."""
    words = ("found", "held", "vouched", "missed", "passed")
    lines = [" ".join([f"{'case':38}", *(f"{word:>7}" for word in words), f"  of {people}"])]
    for name, count in counts.items():
        lines.append(" ".join([f"{name:38}", *(f"{count[word]:7}" for word in words)]))
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--assets", type=Path, help="MakeHuman CC0 assets; without them people wear caps")
    parser.add_argument("--cache", type=Path, required=True, help="where baked data are kept")
    parser.add_argument("--people", type=int, default=40)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    renderer = Renderer(mpfb2_folder(), options.assets, options.cache)
    policy = FacePolicy(FaceFinder(), Recognisers.load())
    counts: dict[str, Counter[str]] = {}
    for number in range(options.people):
        for case in cases(renderer, number):
            counts.setdefault(case.name, Counter()).update(counted(policy, case))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps({"people": options.people, "cases": counts}, indent=2) + "\n")
    print(table(counts, options.people))


if __name__ == "__main__":
    main()
