"""Times FlowEdit on a large model against the published loop's arithmetic: same weights, noise and precision, one run.

The published loop, written again here: for each target on its own, in each step, one call of the network for the
source and one for the target, each with the unconditional prompt beside the other, whatever the scale. Ours: one call
for everything, the source shared by all targets, and no unconditional row where a scale is 1.

    flowedit_ratio_1, flowedit_ratio_4
                    times that ours is quicker with 1 and with 4 targets whose model needs no guidance (scales 1: the
                    few-step models). The published loop pays for its unconditional rows nevertheless
    flowedit_guided_ratio_1, flowedit_guided_ratio_4
                    the same where the target is guided (13.5) and the source is not

Beside each: rows and calls of the network in ours and theirs, the largest difference of the latents, peak megabytes
above what was held before, and the conditions. On a CPU, processor time on one thread; on a card, seconds until it is
done. Both ways take turns, and of each the quickest run counts; of theirs the quickest run of each target, since a
short run finds a busy machine quiet sooner than a long one.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import math
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pipeline.edits import flow_edit
from pipeline.models import Branch
from pipeline.models.published import DiffusersFlow, load_model
from scripts.random_models import save_random

SIDE, STEPS, START, ROUNDS = 128, 2, 0.9, 5
"""Pixels of the picture's sides, steps, noise level of the first, and runs of each of which the quickest counts."""
SOURCE, TARGETS = "a red rash.", ["no rash.", "an old man.", "a young woman.", "a boy."]


def flowedit_figures(device: str = "cpu", model: str = "sd3-mid") -> dict[str, Any]:
    """All figures, on one random model of ``scripts.random_models``."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        flow = load_model(save_random(model, Path(folder) / model), device, precision="float32")
    pixels = torch.rand(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0)) * 2 - 1
    x_src = flow.encode(pixels)
    noise = torch.randn(STEPS, *x_src.shape, generator=torch.Generator().manual_seed(1)).to(x_src.device)
    counted = Counted(flow)
    figures: dict[str, Any] = {}
    for prefix, scale in (("flowedit", 1.0), ("flowedit_guided", 13.5)):
        for number in (1, 4):
            source = Branch(flow.embed(SOURCE))
            targets = [Branch(flow.embed(words), scale) for words in TARGETS[:number]]
            figures |= _compared(f"{prefix}_{{}}_{number}", flow, counted, x_src, source, targets, noise)
    weights = sum(each.numel() for each in flow.transformer.parameters())
    figures["flowedit_conditions"] = f"{model}, {weights / 1e6:.1f} M weights, {SIDE} px, {STEPS} steps, fp32, {device}"
    return figures


class Counted:
    """Counts the calls of a model's transformer and the rows that go through it."""

    def __init__(self, flow: DiffusersFlow[Any]) -> None:
        self.calls = self.rows = 0
        flow.transformer.register_forward_pre_hook(self._count, with_kwargs=True)

    def _count(self, network: Any, arguments: Any, named: dict[str, Any]) -> None:
        self.calls += 1
        self.rows += len(named["hidden_states"])


def published_edit(flow: DiffusersFlow[Any], x_src: Tensor, source: Branch, target: Branch, noise: Tensor) -> Tensor:
    """Algorithm 1 as its authors wrote it, for one target."""
    empty = Branch(flow.embed(""))

    def guided(z: Tensor, sigma: float, branch: Branch) -> Tensor:
        negative, positive = flow.velocities([z, z], sigma, [empty, Branch(branch.prompt)])
        return negative + branch.guidance_scale * (positive - negative)

    z_edit = x_src.clone()
    levels = flow.sigmas(STEPS, START, (x_src.shape[2], x_src.shape[3])).double().tolist()
    for draw, (sigma, after) in zip(noise, pairwise(levels), strict=True):
        z_src = (1.0 - sigma) * x_src + sigma * draw
        z_tar = z_edit + z_src - x_src
        v_src = guided(z_src, sigma, source)
        v_tar = guided(z_tar, sigma, target)
        z_edit = z_edit + (after - sigma) * (v_tar - v_src)
    return z_edit


def _compared(
    name: str,
    flow: DiffusersFlow[Any],
    counted: Counted,
    x_src: Tensor,
    source: Branch,
    targets: Sequence[Branch],
    noise: Tensor,
) -> dict[str, Any]:
    """Both ways in turn, ``ROUNDS`` times; ``name`` has a place for each figure's own."""

    def ours() -> list[Tensor]:
        return flow_edit(flow, x_src, source, targets, sigma_start=START, steps=STEPS, noise=noise)

    def theirs() -> list[Tensor]:
        return [published_edit(flow, x_src, source, target, noise) for target in targets]

    peaks, results, asked = [], [], []
    for way in (ours, theirs):
        way()  # what is kept from the first time on is no peak
    for way in (ours, theirs):
        counted.calls = counted.rows = 0
        result, peak = _peak(way, x_src.device)
        results.append(result)
        peaks.append(peak)
        asked.append((counted.calls, counted.rows))
    parts: list[Callable[[], Any]] = [
        ours,
        *(partial(published_edit, flow, x_src, source, target, noise) for target in targets),
    ]
    quickest = [math.inf] * len(parts)
    for _ in range(ROUNDS):
        for number, part in enumerate(parts):
            begun = _now(x_src.device)
            part()
            quickest[number] = min(quickest[number], _now(x_src.device) - begun)
    seconds = quickest[0], sum(quickest[1:])
    return {
        name.format("ratio"): round(seconds[1] / seconds[0], 2),
        name.format("seconds"): [round(each, 3) for each in seconds],
        name.format("calls"): [calls for calls, _ in asked],
        name.format("rows"): [rows for _, rows in asked],
        name.format("difference"): max(float((a - b).abs().max()) for a, b in zip(*results, strict=True)),
        name.format("peak_mb"): peaks,
    }


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        return time.perf_counter()
    return time.process_time()


def _peak(work: Callable[[], list[Tensor]], device: torch.device) -> tuple[list[Tensor], int | None]:
    """What ``work`` returns, and the megabytes that it took at most beyond what was held before."""
    if device.type == "cuda":
        before = torch.cuda.memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        result = work()
        return result, round((torch.cuda.max_memory_allocated(device) - before) / 1e6)
    reset = Path("/proc/self/clear_refs")
    if not reset.exists():
        return work(), None
    with suppress(AttributeError):  # glibc gives back what was freed, so that it is seen when it is taken again
        ctypes.CDLL(None).malloc_trim(0)
    reset.write_text("5")  # Linux: the peak is counted from now on
    before = _kilobytes("VmRSS")
    result = work()
    return result, round(max(0, _kilobytes("VmHWM") - before) / 1000)


def _kilobytes(line: str) -> int:
    status = Path("/proc/self/status").read_text().splitlines()
    return int(next(each for each in status if each.startswith(line)).split()[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--model", default="sd3-mid")
    arguments = parser.parse_args()
    print(json.dumps(flowedit_figures(arguments.device, arguments.model), indent=2))


if __name__ == "__main__":
    main()
