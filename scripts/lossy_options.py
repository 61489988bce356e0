"""What options of a large model change in a picture: the mean absolute difference in a* (CIELAB) after an edit.

    python -m scripts.lossy_options

On random models, whose networks and autoencoders amplify what trained ones damp; and bfloat16 on the embedded model's
healing network, which is trained, over the sample photographs.
"""

from __future__ import annotations

import json
import tempfile
import warnings
from pathlib import Path
from typing import Any
from unittest.mock import patch

import cv2
import numpy as np
import torch
from skimage.color import rgb2lab
from torch import Tensor

from dicom_io.reading import read_photograph
from pipeline.edits import flow_edit
from pipeline.models import Branch, load_embedded, pixels_from_rgb, rgb_from_pixels
from pipeline.models.published import load_model
from pipeline.photograph import Hints
from pipeline.vocabulary import as_it_is, describe, healed, of_skin_alone
from scripts.random_models import save_random

SAMPLES = Path(__file__).resolve().parents[1] / "sample_data" / "studies"
MODELS = ("sd3", "flux-dev", "klein", "z-image")
OPTIONS: dict[str, dict[str, Any]] = {
    "bfloat16": {"precision": "bfloat16"},
    "float16": {"precision": "float16"},
    "int8": {"precision": "int8"},
    "tiled": {"tiled": True},
}


def edited_a(model: Any) -> Tensor:
    """The a* [H, W] of a picture after an edit with a large model; the same picture and noise each time."""
    pixels = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(4)) * 2 - 1
    source, target = Branch(model.embed("a red rash."), 1.0), Branch(model.embed("no rash."), 2.0)
    noise = torch.Generator().manual_seed(5)
    (z,) = flow_edit(model, model.encode(pixels), source, [target], sigma_start=0.9, steps=3, generator=noise)
    return _a(model.decode(z))


def healed_a(path: Path, *, exact: bool) -> Tensor:
    """The a* of a sample photograph that the embedded model healed, in bfloat16 or ``exact`` in float32."""
    model, photograph = load_embedded().healing, read_photograph(path)
    hints = Hints(view=photograph.hints.view, lesion=photograph.hints.lesion)
    seen = of_skin_alone(describe(hints), hints.view)
    square = cv2.resize(photograph.rgb, (model.resolution,) * 2, interpolation=cv2.INTER_AREA)
    pixels = pixels_from_rgb(np.asarray(square, np.uint8))
    source, target = (Branch(model.embed((said, pixels))) for said in (as_it_is(seen), healed(seen)))
    noise = torch.Generator().manual_seed(5)
    with patch("pipeline.models.precision.computes_in_bfloat16", lambda: not exact):
        (z,) = flow_edit(model, pixels, source, [target], sigma_start=1.0, steps=4, generator=noise)
    return _a(model.decode(z))


def _a(pixels: Tensor) -> Tensor:
    return torch.from_numpy(rgb2lab(rgb_from_pixels(pixels))[..., 1])


def difference(one: Tensor, other: Tensor) -> float:
    return float((one - other).abs().mean())


def main() -> None:
    warnings.simplefilter("ignore")
    figures: dict[str, Any] = {}
    for name in MODELS:
        with tempfile.TemporaryDirectory() as place:
            folder = save_random(name, Path(place) / name)
            exact = edited_a(load_model(folder))
            figures[name] = {
                option: round(difference(exact, edited_a(load_model(folder, **asked))), 3)
                for option, asked in OPTIONS.items()
            }
    figures["embedded, bfloat16"] = {
        path.parent.name: round(difference(healed_a(path, exact=True), healed_a(path, exact=False)), 4)
        for path in sorted(SAMPLES.glob("*/photograph.dcm"))
    }
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
