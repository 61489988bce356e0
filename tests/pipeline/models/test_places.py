"""The networks that look for places: what they are shown and what they say before they have learned anything."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pipeline.errors import ModelError
from pipeline.models import PlaceConfig, PlaceFinder, PlaceNet

SMALL = PlaceConfig(64, (8, 16, 16))


def test_one_that_has_learned_nothing_is_sure_of_nothing() -> None:
    torch.manual_seed(0)
    square = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    sureness = PlaceFinder(PlaceNet(SMALL)).sureness(square)
    assert sureness.shape == (32, 32) and sureness.dtype == np.float32
    assert sureness.min() > 0 and sureness.max() < 0.6


def test_what_is_far_away_may_count() -> None:
    """A room is told from skin by more than what surrounds a stroke."""
    torch.manual_seed(0)
    net = PlaceNet(SMALL)
    picture = torch.zeros(1, 3, 64, 64, requires_grad=True)
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    net(picture)[0, 0, 0, 0].backward()
    assert picture.grad is not None and float(picture.grad[0, :, 40:, 40:].abs().max()) > 0


def test_its_size_is_written_and_read() -> None:
    assert PlaceConfig.from_json(SMALL.as_json()) == SMALL
    with pytest.raises(ModelError, match="network for places"):
        PlaceConfig.from_json({"resolution": 64})


def test_it_goes_on_from_what_was_shipped() -> None:
    torch.manual_seed(0)
    learned, later = PlaceNet(SMALL), PlaceNet(SMALL)
    later.begin_with({name: value.to(torch.bfloat16) for name, value in learned.state_dict().items()})
    picture = torch.rand(1, 3, 64, 64)
    torch.testing.assert_close(later(picture), learned(picture), rtol=0, atol=0.05)
