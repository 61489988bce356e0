"""Puts partial leaks and true swaps of rendered patients to the gate, and prints the share released as a table.

The same as the composites of ``twinveil evaluate``, without all that the rest of the scorecard needs: two seconds a
patient on one core. Exit status 1 when a first bar of the scorecard is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.edits import load_flow_twin_maker
from pipeline.evaluation import (
    BARS,
    FIRST_TRY,
    FULL_SWAP,
    KINDS,
    LEAKS,
    TRIES,
    UnseenPatient,
    composite_figure,
    estimate,
    judged_composites,
    photographed_once,
    true_swap,
)
from pipeline.faces import FaceFinder
from pipeline.gate import Calibration
from pipeline.renderer import Renderer, mpfb2_folder
from pipeline.vocabulary import deck_for, persona_for


def judged(
    renderer: Renderer, first_seed: int, patients: int, calibration: Calibration | None = None
) -> Iterator[tuple[UnseenPatient, dict[str, str | None]]]:
    """Each patient, from ``first_seed`` on, with why the gate holds back each of ``KINDS`` or None where it releases;
    swapped into the personas whom the patient would be dealt. Seeds whose lesion cannot be seen, or where no face is
    found, are left out.

    ``calibration``: the gate's, by default the shipped one.
    """
    maker = load_flow_twin_maker(calibration=calibration)
    finder = FaceFinder()
    seed = first_seed
    while patients:
        patient = photographed_once(renderer, seed)
        seed += 1
        faces = finder.find(patient.photograph.rgb) if patient else []
        if patient is None or not faces:
            continue
        deck = deck_for(patient.persona_seed, maker.likeness(patient.photograph.rgb, faces[0]))
        swaps = (true_swap(renderer, patient, persona_for(deck, attempt)) for attempt in range(TRIES))
        yield patient, judged_composites(maker, patient, swaps)
        patients -= 1


def figures(cases: list[tuple[str, dict[str, str | None]]]) -> dict[str, Any]:
    """Of (Fitzpatrick type, refusal or None by kind): the share released of each kind, with interval, n and bar."""
    types = np.array([skin_type for skin_type, _ in cases])
    bars = {bar.name: bar for bar in BARS}
    result = {}
    for kind in KINDS:
        shares = np.array([each[kind] is None for _, each in cases], np.float64)
        bar, overall = bars[composite_figure(kind)], estimate(shares, "share")
        result[kind] = {
            **asdict(overall),
            "first_bar": bar.first,
            "meets_first_bar": bar.meets(overall.value, bar.first),
            "by_skin_type": {name: asdict(estimate(shares[types == name], "share")) for name in sorted(set(types))},
        }
    return result


def table(shares: dict[str, Any]) -> str:
    """As Markdown: a row a kind, a column a Fitzpatrick type; of none or of all the one bound that says something."""

    def shown(one: dict[str, Any]) -> str:
        count = f"{round(one['value'] * one['n'])} of {one['n']}"
        if one["value"] == 0:
            return f"{count} (to {one['high']:.2f})"
        return f"{count} ({one['low']:.2f} to {one['high']:.2f})"

    names = {**LEAKS, FULL_SWAP: "a true swap, in three tries", FIRST_TRY: "a true swap, at the first try"}
    types = list(shares[FULL_SWAP]["by_skin_type"])
    lines = [f"| released | all | {' | '.join(types)} |", "|---" * (len(types) + 2) + "|"]
    for kind, one in shares.items():
        by_type = (shown(one["by_skin_type"][name]) for name in types)
        lines.append(f"| {names[kind]} | {shown(one)} | {' | '.join(by_type)} |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--assets", type=Path, required=True, help="MakeHuman CC0 assets")
    parser.add_argument("--cache", type=Path, required=True, help="where baked data are kept")
    parser.add_argument("--patients", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1_000_000, help="the first patient's")
    parser.add_argument("--out", type=Path, help="a JSON file for the figures")
    options = parser.parse_args()
    renderer = Renderer(mpfb2_folder(), options.assets, options.cache)
    cases: list[tuple[str, dict[str, str | None]]] = []
    refusals: dict[int, dict[str, str | None]] = {}
    for patient, verdicts in judged(renderer, options.seed, options.patients):
        skin_type = patient.rendered.description.skin_type
        cases.append((skin_type, verdicts))
        refusals[patient.seed] = verdicts
        print(f"{len(cases)}/{options.patients} patient {patient.seed} type {skin_type}", file=sys.stderr, flush=True)
        for kind, why in verdicts.items():
            if (why is None) == (kind in LEAKS):
                print(f"    {kind}: {why or 'released'}", file=sys.stderr, flush=True)
        if options.out and (len(cases) % 10 == 0 or len(cases) == options.patients):
            content = {"figures": figures(cases), "refusals": refusals}
            options.out.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    shares = figures(cases)
    print(table(shares))
    return 0 if all(one["meets_first_bar"] is not False for one in shares.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
