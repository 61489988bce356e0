"""Times what is done with every photograph besides the edits: on one thread, in milliseconds of processor time.

    find_faces_ms   ``FaceFinder.find`` on the photograph as it stands
    policy_ms       ``FacePolicy.faces``: all four orientations, the witnesses, and what is hardly seen
    gate_ms         ``TwinMaker.judge`` of twins that it releases: the healthy one and the sick one
    text_ms         ``TextRemover.examine``: the search for burned-in text at every size

The policy remembers photographs, and each stage of a study profits from that. So one pixel differs from run to run:
what is timed is the first look at a photograph, the most that it can cost.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import torch

from dicom_io.reading import read_photograph
from pipeline.edits import TwinMaker, load_twin_maker
from pipeline.errors import Refusal
from pipeline.faces import FaceFinder, Recognisers
from pipeline.gate import FacePolicy
from pipeline.photograph import Hints, Photograph, Rgb, Twins
from pipeline.text import load_text_remover

SEED = bytes(32)
TRIES = 12
"""Twins that are made until the gate releases one: a twin that is rejected is not compared to the end."""


def photograph_milliseconds(path: Path, rounds: int) -> dict[str, Any]:
    """The figures for the DICOM photograph at ``path``: medians of ``rounds`` runs, the slowest beside each."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    read = read_photograph(path)
    hints = Hints(view=read.hints.view, sex=read.hints.sex, lesion=read.hints.lesion)
    photograph = Photograph(read.rgb, hints)
    finder, recognisers, text = FaceFinder(), Recognisers.load(), load_text_remover()
    policy, maker = FacePolicy(finder, recognisers), load_twin_maker()
    twins, tries = released_twins(maker, photograph)

    def judge(seen: Rgb) -> None:
        # Photograph and twins alike are new to the gate: the same pixel is another one in all three.
        last = seen[-1, -1]
        maker.judge(Photograph(seen, hints), Twins(marked(twins.sick, last), marked(twins.healthy, last)))

    timed: dict[str, Callable[[Rgb], object]] = {
        "find_faces": finder.find,
        "policy": lambda seen: policy.faces(seen, hints),
        "gate": judge,
        "text": text.examine,
    }
    figures: dict[str, Any] = {}
    for name, work in timed.items():
        times = [_milliseconds(work, unseen(photograph.rgb, number)) for number in range(rounds + 1)][1:]
        figures[f"{name}_ms"] = round(statistics.median(times), 1)
        figures[f"{name}_ms_slowest"] = round(max(times), 1)
    height, width = photograph.rgb.shape[:2]
    return {
        **figures,
        "photograph": f"{path.parent.name}, {width} x {height} pixels",
        "photograph_n": rounds,
        "photograph_faces": len(finder.find(photograph.rgb)),
        "gate_tries": tries,
    }


def released_twins(maker: TwinMaker, photograph: Photograph) -> tuple[Twins, int]:
    """The first twins of ``photograph`` that the gate lets out, and how many were made. Raises the last refusal."""
    lesion = maker.heal(photograph)
    for attempt in range(TRIES):
        twins = maker.swap(photograph, lesion, SEED, attempt)
        try:
            maker.judge(photograph, twins)
            return twins, attempt + 1
        except Refusal as refusal:
            last = refusal
    raise last


def unseen(rgb: Rgb, number: int) -> Rgb:
    """``rgb`` (uint8) with another pixel in its last corner for each ``number`` up to 255."""
    return marked(rgb, (int(rgb[-1, -1, 0]) + number + 1) % 256)


def marked(rgb: Rgb, last: Any) -> Rgb:
    """A copy whose last pixel is ``last``."""
    copy = rgb.copy()
    copy[-1, -1] = last
    return copy


def _milliseconds(work: Callable[[Rgb], object], rgb: Rgb) -> float:
    begun = time.process_time()
    work(rgb)
    return (time.process_time() - begun) * 1000
