"""What goes with the weights of the network for disease on faces."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from pipeline.models import FaceLesionNet, KnownFaces, PlaceConfig, save_expert
from pipeline.models.embedded import _places

CONFIG = PlaceConfig(64, (8, 16), planes=5, deepest=2, finest=True, aligned=True)


def known() -> KnownFaces:
    random = np.random.default_rng(0)
    mean, components = (random.normal(0, 1, shape).astype(np.float32) for shape in ((8, 8, 3), (3, 8, 8, 3)))
    return KnownFaces(random.uniform(0, 192, (468, 2)), mean, components, random.random((8, 8)) < 0.5, 0.25)


def test_it_says_something_of_each_pixel_and_knows_its_place() -> None:
    torch.manual_seed(0)
    net = FaceLesionNet(CONFIG)
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    said = net(torch.zeros(2, 5, 64, 64))
    assert said.shape == (2, 1, 64, 64)
    assert float(said[0].detach().std()) > 0  # nothing is shown: it is the place that differs
    torch.testing.assert_close(said[0], said[1])


def test_faces_are_known_again_from_the_weights_on_disk(tmp_path: Path) -> None:
    torch.manual_seed(0)
    learned, faces = FaceLesionNet(CONFIG, coarse=8, components=3), known()
    learned.learn_faces(faces)
    digest = save_expert("face_lesions", learned, tmp_path, {})

    class Small(FaceLesionNet):
        def __init__(self, config: PlaceConfig) -> None:
            super().__init__(config, coarse=8, components=3)

    again = _places(tmp_path, "face_lesions", {"net": CONFIG.as_json(), "sha256": digest}, Small).faces
    assert np.abs(again.frontal - faces.frontal).max() < 0.01  # pixels; weights are rounded, places are not
    np.testing.assert_allclose(again.mean, faces.mean, rtol=0.01)
    np.testing.assert_allclose(again.components, faces.components, rtol=0.01)
    assert np.array_equal(again.fitted, faces.fitted) and again.left == 0.25
