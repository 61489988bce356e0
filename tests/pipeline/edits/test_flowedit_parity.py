"""The published FlowEdit code's own results on tiny pipelines, reproduced from the photograph and the prompts."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from pipeline.edits.flowedit import flow_edit_along
from pipeline.models import Branch, pixels_from_rgb, rgb_from_pixels
from pipeline.models.published.folder import load_model

GOLDENS = Path(os.environ.get("TWINVEIL_PARITY", Path(__file__).resolve().parents[4] / "shared" / "parity"))
TOLERANCE = 1e-5

pytestmark = pytest.mark.skipif(not GOLDENS.is_dir(), reason="the FlowEdit goldens are not here (TWINVEIL_PARITY)")


@pytest.mark.parametrize("name", ["sd3", "sd3-no-t5", "flux-dev", "flux-schnell"])
def test_the_published_code_gives_the_same_edit(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with np.load(GOLDENS / f"{name}.npz") as archive:
        golden = {key: archive[key] for key in archive.files}
    meta = json.loads(str(golden["meta"]))
    model = load_model(GOLDENS / meta["pipeline"])

    x_src = model.encode(pixels_from_rgb(golden["image_in"]))
    sigmas = model.sigmas(meta["T_steps"], 1.0, (x_src.shape[2], x_src.shape[3]))
    source = Branch(model.embed(meta["src"]), meta["src_guidance_scale"])
    target = Branch(model.embed(meta["tar"]), meta["tar_guidance_scale"])
    noise = torch.from_numpy(golden["noise_unpacked"])
    (x_out,) = flow_edit_along(
        sigmas[-(meta["n_max"] + 1) :], model, x_src, source, [target],
        n_avg=meta["n_avg"], n_min=meta["n_min"], noise=noise,
    )  # fmt: skip

    difference = largest_difference(x_out, golden["x_out"])
    with capsys.disabled():
        print(f"\nFlowEdit parity, {name}: largest absolute difference of x_out {difference:.2e}")
    assert largest_difference(x_src, golden["x_src"]) <= TOLERANCE
    assert largest_difference(sigmas, golden["sigmas"]) <= 1e-6
    assert difference <= TOLERANCE
    image_out = rgb_from_pixels(model.decode(x_out))
    assert np.abs(image_out.astype(int) - golden["image_out"].astype(int)).max() <= 1, "pixels may round otherwise"


@pytest.mark.parametrize("name", ["sd3", "sd3-no-t5", "flux-dev", "flux-schnell"])
def test_prompts_are_embedded_as_the_published_pipelines_do(name: str) -> None:
    with np.load(GOLDENS / f"{name}.npz") as archive:
        meta = json.loads(str(archive["meta"]))
        expected = {key: archive[key] for key in archive.files if key.startswith(("prompt_", "pooled_"))}
    model = load_model(GOLDENS / meta["pipeline"])

    for side in ("src", "tar"):
        prompt = vars(model.embed(meta[side]))
        assert largest_difference(prompt["hidden"], expected[f"prompt_{side}"]) <= TOLERANCE
        assert largest_difference(prompt["pooled"], expected[f"pooled_{side}"]) <= TOLERANCE


def largest_difference(ours: torch.Tensor, theirs: NDArray[np.float32]) -> float:
    assert tuple(ours.shape) == theirs.shape
    return float(np.abs(ours.detach().double().numpy() - theirs.astype(np.float64)).max())
