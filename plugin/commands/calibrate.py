"""``twinveil calibrate``: the gate's thresholds from labelled photographs, one folder a person."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from pipeline.faces import FaceFinder, Recognisers
from pipeline.gate import Calibration, LabelledFaces, calibrate, gate_digests, photographs_of
from plugin.commands.terminal import plain_table
from plugin.errors import ConfigurationRefused

BOUNDED = (
    "same_person_released", "strangers_refused",
    *(f"{name}_{key}" for name in ("sface", "dlib") for key in ("eer", "tar_at_far_1e3", "tar_at_far_1e4")),
)  # fmt: skip
"""Figures that have bounds, in the order in which they are shown."""


def run(
    folder: Path, out: Path, *, name: str, origin: str, share: float, ncc: float, own_domain: bool, console: Console
) -> Calibration:
    """Write the calibration of the photographs in ``folder`` to ``out`` and show its figures.

    Raises ``ConfigurationRefused`` when the folder is not there or the file is, ``ModelError`` with too few people.
    """
    if not folder.is_dir():
        raise ConfigurationRefused(f"{folder} is no folder; one is needed that holds a folder for each person")
    if out.exists():
        raise ConfigurationRefused(f"{out} exists and is kept; thresholds are never replaced unseen. Name another file")
    finder, recognisers = FaceFinder(), Recognisers.load()
    made = calibrate(
        LabelledFaces.of(photographs_of(folder), finder, recognisers),
        gate_digests(finder, recognisers),
        name=name,
        origin=origin,
        share=share,
        ncc=ncc,
        own_domain=own_domain,
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    made.write(out)
    console.print(
        f"{made.figures['people']:.0f} people, {made.figures['photographs']:.0f} photographs with a face, "
        f"{made.figures['photographs_without_a_face']:.0f} without; a twin passes with an SFace cosine below "
        f"{made.sface_cosine}, a dlib distance above {made.dlib_distance} and NCC below {made.ncc}"
    )
    table = plain_table("Figure", "Value", "95 % bounds")
    for key in BOUNDED:
        low, high = made.figures[f"{key}_low"], made.figures[f"{key}_high"]
        table.add_row(key, f"{made.figures[key]:.4f}", f"{low:.4f} to {high:.4f}")
    console.print(table)
    return made
