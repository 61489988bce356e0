"""Teaches what the figures of a detection are worth together: ``pipeline/gate/data/evidence.npz``.

    python -m scripts.teach_evidence --faces FOLDER --skin FOLDER... --assets FOLDER --cache FOLDER --out FILE

``--faces``: one face in each photograph. ``--skin``: photographs without a face; those that are held out are left out,
and the report is about them alone. Each face is shown as it is and as the hard cases are: dim, blurred, small, half
covered, masked, behind sunglasses, both, cut off. Each photograph of skin is shown as it is, and a part of it enlarged.
The personas' portraits of the embedded model stand for rendered faces; profiles are rendered. What is shipped was
taught by this recipe with 260 faces of SFHQ and SFHQ-T2I, 1,050 photographs of ISIC 2017 and 304 of the Foot Ulcer
Segmentation Challenge, the last and the portraits counting threefold, the profiles fivefold.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from pipeline.albums import photographs_in
from pipeline.faces import Face, FaceFinder, Recognisers
from pipeline.gate import DOUBTFUL_SCORE, FIGURES, SOME, Lookout, Witnesses
from pipeline.models import load_embedded
from pipeline.photograph import Rgb
from pipeline.renderer import Renderer, mpfb2_folder

Figures = NDArray[np.float64]
FIRST_PROFILE, PROFILES, PROFILE_WEIGHT = 8_402_000, 40, 5
"""Seeds apart from those of ``hard_faces``, which this is judged by."""
NETWORKS, HIDDEN, STEPS, BATCH = 3, 24, 700, 512
NOISE, DROPOUT, DECAY, RATE = 0.35, 0.3, 0.15, 4e-3
"""Much of each: the networks must not know single photographs by heart."""
DRAPE, GLASS, CLOTH = (70, 120, 140), (18, 18, 20), (150, 190, 205)
MASK = ((-0.95, 0.4), (0.0, 0.25), (0.95, 0.4), (0.85, 1.3), (0.0, 1.95), (-0.85, 1.3))


def hard(rgb: Rgb, face: Face) -> Iterator[Rgb]:
    """``rgb`` and what makes its ``face`` hard to see."""
    height, width = rgb.shape[:2]
    right, left, nose, *mouth = face.landmarks
    eyes, lips = (right + left) / 2, (mouth[0] + mouth[1]) / 2
    across, down = left - right, lips - eyes

    def at(x: float, y: float) -> NDArray[np.int32]:
        return np.asarray(np.rint(eyes + x * across + y * down), np.int32)

    def painted(shown: Rgb, colour: tuple[int, int, int], *corners: tuple[float, float]) -> Rgb:
        return np.asarray(cv2.fillPoly(shown.copy(), [np.stack([at(x, y) for x, y in corners])], colour), np.uint8)

    def behind_glasses(shown: Rgb) -> Rgb:
        lens = (round(0.44 * float(np.hypot(*across))), round(0.33 * float(np.hypot(*across))))
        for x in (-0.5, 0.5):
            shown = np.asarray(cv2.ellipse(shown.copy(), at(x, 0.05).tolist(), lens, 0, 0, 360, GLASS, -1), np.uint8)
        return shown

    small = np.full((384, 384, 3), 130, np.uint8)
    small[60:132, 200:272] = cv2.resize(rgb, (72, 72), interpolation=cv2.INTER_AREA)
    below, middle = int(np.clip(at(0, 0.45)[1], 40, height - 33)), int(np.clip(nose[0], 40, width - 33))
    masked = painted(rgb, CLOTH, *MASK)
    yield from (rgb, (rgb * 0.25).astype(np.uint8), small, masked, behind_glasses(rgb), behind_glasses(masked))
    yield np.asarray(cv2.GaussianBlur(rgb, (0, 0), height / 80), np.uint8)
    yield painted(rgb, DRAPE, (-4, -0.45), (4, -0.45), (4, 0.3), (-4, 0.3))
    yield painted(rgb, DRAPE, (0.0, -4), (4, -4), (4, 6), (0.0, 6))
    yield from (rgb[below:].copy(), rgb[:below].copy(), rgb[:, :middle].copy())


def in_profile(renderer: Renderer, number: int) -> Iterator[Rgb]:
    """One person from the side, both ways round, whole and without the chin."""
    for yaw in (78, 90):
        rgb = renderer.patient(FIRST_PROFILE + number, yaw=yaw if number % 2 else -yaw, output=288).photograph
        yield from (rgb, np.ascontiguousarray(rgb[:, ::-1]), rgb[: int(0.62 * len(rgb))].copy())


class Detections:
    """The figures of what the finder sees."""

    def __init__(self) -> None:
        self.finder = FaceFinder()
        self._lookout = Lookout(self.finder, Recognisers.load())

    def of(self, rgb: Rgb) -> list[tuple[float, Figures]]:
        """YuNet's score and (FIGURES,) of each, in all four orientations."""
        found = []
        for turns in range(4):
            turned = np.ascontiguousarray(np.rot90(rgb, turns))
            for face in self.finder.find(turned, DOUBTFUL_SCORE):
                found.append((face.score, self._lookout.figures(turned, face)))
        return found

    def of_face(self, rgb: Rgb) -> list[Figures]:
        """The best detection in each hard case of the one face of ``rgb``."""
        faces = self.finder.find(rgb)
        seen = [self.best(shown) for shown in hard(rgb, faces[0])] if faces else []
        return [figures for figures in seen if figures is not None]

    def best(self, rgb: Rgb) -> Figures | None:
        """Of the detection that YuNet is surest of."""
        return max(self.of(rgb), key=lambda each: each[0], default=(0.0, None))[1]


def taught(faces: Figures, skin: Figures) -> Witnesses:
    """Networks that tell ``faces`` (n, FIGURES) from ``skin`` (m, FIGURES), both kinds counting as much."""
    seen, kinds = np.concatenate([faces, skin]), np.repeat([1.0, 0.0], [len(faces), len(skin)])
    mean, spread = seen.mean(0), seen.std(0)
    x, y = (torch.tensor(each, dtype=torch.float32) for each in ((seen - mean) / spread, kinds))
    weight = torch.where(y > 0, len(y) / (2 * len(faces)), len(y) / (2 * len(skin)))
    networks = []
    for number in range(NETWORKS):
        torch.manual_seed(number)
        network = nn.Sequential(nn.Linear(FIGURES, HIDDEN), nn.Tanh(), nn.Dropout(DROPOUT), nn.Linear(HIDDEN, 1))
        optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=DECAY)
        for _ in range(STEPS):
            drawn = torch.randint(0, len(x), (BATCH,))
            logits = network(x[drawn] + NOISE * torch.randn(BATCH, FIGURES))[:, 0]
            loss = nn.functional.binary_cross_entropy_with_logits(logits, y[drawn], weight[drawn])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        networks.append({name: value.detach().numpy() for name, value in network.named_parameters()})
    stacked = {name: np.stack([each[name] for each in networks]) for name in networks[0]}
    return Witnesses(
        mean.astype(np.float32), spread.astype(np.float32), stacked["0.weight"], stacked["0.bias"],
        stacked["3.weight"][:, 0], stacked["3.bias"][:, 0],
    )  # fmt: skip


def parts_of(rgb: Rgb, random: np.random.Generator) -> Iterator[Rgb]:
    """``rgb``, and a part of it at another size."""
    yield rgb
    scale, side = random.uniform(0.8, 3.0), int(min(rgb.shape[:2]) * random.uniform(0.55, 1.0))
    top, left = (int(random.integers(0, length - side + 1)) for length in rgb.shape[:2])
    part = rgb[top : top + side, left : left + side]
    yield np.asarray(cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC), np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--faces", type=Path, action="append", required=True)
    parser.add_argument("--skin", type=Path, action="append", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--assets", type=Path, help="MakeHuman CC0 assets; without them people wear caps")
    parser.add_argument("--cache", type=Path, required=True, help="where the renderer's baked data are kept")
    options = parser.parse_args()
    detections, random = Detections(), np.random.default_rng(0)
    renderer = Renderer(mpfb2_folder(), options.assets, options.cache)
    profiles = [profile for number in range(PROFILES) for profile in in_profile(renderer, number)]
    portraits = load_embedded().swapping.net.portraits.pictures[1:].permute(0, 1, 3, 4, 2).flatten(0, 1).numpy()
    people = [*(file.rgb() for file in photographs_in(options.faces)), *portraits.astype(np.uint8)]
    faces = [figures for rgb in people for figures in detections.of_face(rgb)]
    faces += PROFILE_WEIGHT * [best for rgb in profiles if (best := detections.best(rgb)) is not None]
    skin, held_out = [], []
    for file in photographs_in(options.skin):
        if file.held_out:
            held_out.append([figures for _, figures in detections.of(file.rgb())])
        else:
            skin += [figures for part in parts_of(file.rgb(), random) for _, figures in detections.of(part)]
    witnesses = taught(np.stack(faces), np.stack(skin))
    np.savez(options.out, **vars(witnesses))
    some = sum(any(witnesses.evidence(figures) >= SOME for figures in each) for each in held_out)
    print(f"{len(faces)} faces, {len(skin)} detections in skin; of {len(held_out)} held out {some} have some evidence")


if __name__ == "__main__":
    main()
