"""Compares rules that turn a difference between twins into a mask, on held-out rendered patients.

    python -m scripts.search_subtraction --pairs build/training/held_out-heal [--model FOLDER]

Patients are healed once; each rule then makes masks of the same differences, against the rendered truth and on healthy
photographs. The table's last column is what the rules are chosen by: mask IoU less ten times the false area.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from skimage.filters import threshold_otsu

from pipeline.disease import SubtractionRule, signed_difference, subtract
from pipeline.models import FOLDER, load_embedded
from pipeline.photograph import Rgb
from pipeline.training import LAYOUTS, Edited, PairCache, heal_held_out

Mask = NDArray[np.bool_]
MaskOf = Callable[[Rgb, Rgb], Mask]
LEAST = 3.0
"""Delta E below which Otsu's threshold is not believed: in healthy skin it would split noise."""


def hysteresis(rule: SubtractionRule) -> MaskOf:
    return lambda sick, healthy: subtract(sick, healthy, 1.0, rule).mask


def threshold(level: float, smoothing: float) -> MaskOf:
    return lambda sick, healthy: distance(sick, healthy, smoothing) > level


def otsu(smoothing: float) -> MaskOf:
    def masked(sick: Rgb, healthy: Rgb) -> Mask:
        values = distance(sick, healthy, smoothing)
        return values > max(float(threshold_otsu(values)), LEAST)

    return masked


def distance(sick: Rgb, healthy: Rgb, smoothing: float) -> NDArray[np.float64]:
    difference = signed_difference(sick, healthy)
    smooth = np.stack([ndimage.gaussian_filter(difference[..., k], smoothing) for k in range(3)], -1)
    return np.asarray(np.linalg.norm(smooth, axis=-1))


def scores(patients: list[Edited], mask_of: MaskOf) -> tuple[float, dict[str, float], float]:
    """Mean IoU, IoU by lesion, and false area."""
    overlaps: dict[str, list[float]] = defaultdict(list)
    for one in patients:
        mask = mask_of(one.before, one.after)
        overlaps[one.lesion].append(float((mask & one.truth).sum() / max((mask | one.truth).sum(), 1)))
    every = float(np.mean([value for values in overlaps.values() for value in values]))
    false_area = float(np.mean([mask_of(one.healthy, one.untouched).mean() for one in patients]))
    return every, {kind: float(np.mean(values)) for kind, values in sorted(overlaps.items())}, false_area


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=Path, required=True, help="rendered pairs that training did not see")
    parser.add_argument("--model", type=Path, default=FOLDER)
    parser.add_argument("--patients", type=int, default=120)
    options = parser.parse_args()
    torch.set_num_threads(2)
    net = load_embedded(options.model).healing.net
    patients = heal_held_out(net, PairCache(options.pairs, LAYOUTS["heal"]), options.patients)
    rules: dict[str, MaskOf] = {}
    for smoothing, (low, high), share in product(
        (0.8, 1.6), ((1.0, 2.0), (1.5, 3.0), (2.0, 4.0), (3.0, 7.0)), (0.0, 0.25, 0.35, 0.4, 0.45)
    ):
        rule = replace(SubtractionRule(), smoothing=smoothing, low=low, high=high, share=share)
        ends = f", ending at {share} of its strength" if share else ""
        rules[f"hysteresis {low}/{high}, smoothing {smoothing}{ends}"] = hysteresis(rule)
    for smoothing, level in product((0.8, 1.6), (2.0, 3.0, 4.0)):
        rules[f"threshold {level}, smoothing {smoothing}"] = threshold(level, smoothing)
    for smoothing in (0.8, 1.6):
        rules[f"Otsu of the difference, smoothing {smoothing}"] = otsu(smoothing)
    results = {name: scores(patients, mask_of) for name, mask_of in rules.items()}
    for name, (every, kinds, false_area) in sorted(results.items(), key=lambda item: 10 * item[1][2] - item[1][0]):
        by_kind = " ".join(f"{kind} {value:.2f}" for kind, value in kinds.items())
        print(f"{name:72} IoU {every:.3f} ({by_kind})  false area {false_area:.4f}  {every - 10 * false_area:.3f}")


if __name__ == "__main__":
    main()
