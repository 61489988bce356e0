"""What goes with the weights of the network for disease on faces."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.errors import ModelError
from pipeline.models import FaceLesionConfig, FaceLesionNet, KnownFaces, save_expert
from pipeline.models.embedded import _load_weights

CONFIG = FaceLesionConfig(64, 5, (8, 16), inwards=(0, 2), outwards=(1,))


def known() -> KnownFaces:
    random = np.random.default_rng(0)
    mean, components = (random.normal(0, 1, shape).astype(np.float32) for shape in ((8, 8, 3), (3, 8, 8, 3)))
    return KnownFaces(random.uniform(0, 192, (468, 2)), mean, components, random.random((8, 8)) < 0.5, 0.25)


def test_it_says_something_of_each_pixel_and_knows_its_place() -> None:
    torch.manual_seed(0)
    net = FaceLesionNet(CONFIG)
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    said, change = net.said(torch.zeros(2, 5, 64, 64))
    assert said.shape == (2, 1, 64, 64) and change.shape == (2, 3, 32, 32)
    torch.testing.assert_close(net(torch.zeros(2, 5, 64, 64)), said)
    assert float(said[0].detach().std()) > 0  # nothing is shown: it is the place that differs
    torch.testing.assert_close(said[0], said[1])


def test_two_that_learned_apart_say_their_mean() -> None:
    torch.manual_seed(0)
    net = FaceLesionNet(replace(CONFIG, trunks=2)).eval()
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    shown = torch.rand(2, 5, 64, 64)
    (one, its_change), (other, others_change) = net.apart(shown)
    assert float((one - other).detach().abs().max()) > 0.1
    said, change = net.said(shown)
    torch.testing.assert_close(said, (one + other) / 2)
    torch.testing.assert_close(change, (its_change + others_change) / 2)
    assert len(net.inner_kernels()) == 2 * len(FaceLesionNet(CONFIG).inner_kernels())
    of_each_pixel = net.said_of_each_pixel(shown)[1]
    assert of_each_pixel.shape == (2, 3, 64, 64)


def test_one_that_has_learned_nothing_is_sure_of_nothing() -> None:
    said = FaceLesionNet(CONFIG)(torch.rand(1, 5, 64, 64)).detach()
    assert said.unique().tolist() == [-2]


def test_its_kernels_are_those_of_all_convolutions_but_the_first_and_the_last() -> None:
    net = FaceLesionNet(CONFIG)
    shapes = sorted(tuple(kernel.shape) for kernel in net.inner_kernels())
    inside, twice, outside = [(16, 16, 3, 3)] * 4, [(16, 8, 3, 3)], [(8, 16, 1, 1), (8, 16, 3, 3)] + [(8, 8, 3, 3)] * 2
    assert shapes == sorted(inside + twice + outside)


def test_its_size_is_written_and_read() -> None:
    assert FaceLesionConfig.from_json(CONFIG.as_json()) == CONFIG
    with pytest.raises(ModelError, match="network for faces"):
        FaceLesionConfig.from_json({"resolution": 64})


def test_faces_are_known_again_from_the_weights_on_disk(tmp_path: Path) -> None:
    torch.manual_seed(0)
    learned, faces = FaceLesionNet(CONFIG, coarse=8, components=3), known()
    learned.learn_faces(faces)
    digest = save_expert("face_lesions", learned, tmp_path, {})
    read = FaceLesionNet(CONFIG, coarse=8, components=3)
    _load_weights(read, tmp_path / "face_lesions.safetensors", {"sha256": digest})
    again = read.faces
    assert np.abs(again.frontal - faces.frontal).max() < 0.01  # pixels; weights are rounded, places are not
    np.testing.assert_allclose(again.mean, faces.mean, rtol=0.01)
    np.testing.assert_allclose(again.components, faces.components, rtol=0.01)
    assert np.array_equal(again.fitted, faces.fitted) and again.left == 0.25
