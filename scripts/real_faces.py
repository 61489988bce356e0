"""What the shipped model and gate make of real faces: figures of a folder of photographs, or one public portrait.

    python -m scripts.real_faces [FOLDER] [--count N] [--leaks N] [--workers N] [--sheet FILE] [--json FILE]

Without a folder: NASA's portrait of Eileen Collins, in the public domain, as scikit-image carries it
(``skimage.data.astronaut``), and whether it is released or held. With one: the figures of
``pipeline.evaluation.people`` over its photographs, of which names that are equal up to the last ``_NUMBER`` show one
person. Nothing of a photograph, nor of what is made of it, is written anywhere, but for the sheet that is asked for.
"""

from __future__ import annotations

import argparse
import json
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image
from skimage import data

from pipeline.edits import FlowTwinMaker, load_flow_twin_maker
from pipeline.errors import PipelineError
from pipeline.evaluation import GROUPS, TRIES, PersonCase, PersonExaminer, people_figures
from pipeline.heads import read_heads
from pipeline.models import FOLDER, load_embedded
from pipeline.photograph import Hints, Photograph, Rgb

_SHOWN = 220
"""Pixels of a picture on the sheet."""


def main() -> None:
    options = _options()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    if options.folder is None:
        _one(load_flow_twin_maker(options.model))
        return
    files = sorted(path for path in options.folder.iterdir() if path.suffix in {".jpg", ".jpeg", ".png"})
    if options.count:
        shuffled = np.random.default_rng(options.seed).permutation(len(files))
        files = [files[number] for number in shuffled[: options.count]]
    cases: list[PersonCase] = []
    pairs: list[Rgb] = []
    with ProcessPoolExecutor(options.workers, initializer=_begin, initargs=(options.model, os.urandom(32))) as workers:
        leaks = [number < options.leaks for number in range(len(files))]
        for path, examined in zip(files, workers.map(_examine, files, leaks), strict=True):
            if examined is None:
                print(f"{path.name}: no face", flush=True)
                continue
            cases.append(examined)
            print(f"{path.name}: {'released' if examined.released else 'held'}, {examined.refusals}", flush=True)
            if options.sheet and examined.twins is not None:
                shown = [cv2.resize(each, (_SHOWN, _SHOWN), interpolation=cv2.INTER_AREA)
                         for each in (_read(path), examined.twins.healthy, examined.twins.sick)]  # fmt: skip
                pairs.append(np.hstack(shown))
            if options.json:
                options.json.write_text(json.dumps(people_figures(cases), indent=1) + "\n")
    if options.sheet and pairs:
        pairs += [np.zeros_like(pairs[0])] * (-len(pairs) % 2)
        rows = [np.hstack(pairs[start : start + 2]) for start in range(0, len(pairs), 2)]
        Image.fromarray(np.vstack(rows)).save(options.sheet)
    for name, figure in people_figures(cases).items():
        if isinstance(figure, dict):
            by_word = {word: each for group in GROUPS for word, each in figure[f"by_{group}"].items()}
            groups = ", ".join(f"{word} {each['value']:.2f} of {each['n']}" for word, each in by_word.items())
            interval = f"[{figure['low']:.3f}, {figure['high']:.3f}]"
            print(f"{name:24s} {figure['value']:.3f} {interval} n {figure['n']} ({groups})")


_examiner: PersonExaminer | None = None


def _begin(model: Path, key: bytes) -> None:
    global _examiner
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    digest = load_embedded(model).heads
    if digest is None:
        raise SystemExit("this model knows no photographs of people")
    bank = read_heads(model, digest)
    _examiner = PersonExaminer(load_flow_twin_maker(model), bank.frame, bank.known, key)


def _examine(path: Path, leaks: bool) -> PersonCase | None:
    assert _examiner is not None
    return _examiner.examine(path.stem, Photograph(_read(path), Hints(view="face")), leaks)


def _read(path: Path) -> Rgb:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"), np.uint8)


def _one(maker: FlowTwinMaker) -> None:
    portrait = np.ascontiguousarray(data.astronaut()[:256, 96:352])  # head and shoulders
    photograph = Photograph(portrait, Hints(view="face", sex="female"))
    seed = os.urandom(32)
    for attempt in range(TRIES):
        try:
            lesion = maker.heal(photograph)
            findings = maker.judge(photograph, maker.swap(photograph, lesion, seed, attempt))
            print(f"attempt {attempt + 1}: RELEASED, {findings}", flush=True)
        except PipelineError as refusal:
            print(f"attempt {attempt + 1}: held, {type(refusal).__name__}: {refusal}", flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--model", type=Path, default=FOLDER)
    parser.add_argument("--count", type=int, default=0, help="so many of them, drawn by the seed; 0: all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--leaks", type=int, default=0, help="of so many, partial leaks are judged as well")
    parser.add_argument("--sheet", type=Path, help="photographs, healthy and sick twins in one picture")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
