"""Pixels between uint8 photographs and the models' [-1, 1]."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pipeline.errors import UnusablePhotograph
from pipeline.models import pixels_from_rgb, rgb_from_pixels
from pipeline.models.base import check_pixels


def test_every_value_survives_the_way_there_and_back() -> None:
    rgb = np.arange(16 * 16 * 3, dtype=np.uint32).astype(np.uint8).reshape(16, 16, 3)

    pixels = pixels_from_rgb(rgb)

    assert pixels.shape == (1, 3, 16, 16)
    assert pixels.dtype == torch.float32
    assert (float(pixels.min()), float(pixels.max())) == (-1.0, 1.0)
    assert np.array_equal(rgb_from_pixels(pixels), rgb)


def test_channels_and_rows_keep_their_place() -> None:
    rgb = np.zeros((2, 3, 3), np.uint8)
    rgb[1, 2] = (255, 0, 127)

    pixels = pixels_from_rgb(rgb)

    assert pixels[0, :, 1, 2].tolist() == pytest.approx([1.0, -1.0, 127 / 127.5 - 1.0])


def test_values_outside_the_range_are_clipped_not_wrapped() -> None:
    pixels = torch.tensor([-3.0, 0.0, 3.0]).reshape(1, 3, 1, 1)

    assert rgb_from_pixels(pixels).tolist() == [[[0, 128, 255]]]


def test_a_read_only_photograph_is_not_written_through() -> None:
    rgb = np.full((4, 4, 3), 9, np.uint8)
    rgb.setflags(write=False)

    pixels_from_rgb(rgb).zero_()

    assert (rgb == 9).all()


@pytest.mark.parametrize("shape", [(3, 16, 16), (1, 1, 16, 16), (1, 3, 16, 15), (1, 3, 0, 16)])
def test_misshapen_pixels_are_unusable(shape: tuple[int, ...]) -> None:
    with pytest.raises(UnusablePhotograph):
        check_pixels(torch.zeros(shape), 16)


def test_only_one_image_at_a_time_becomes_a_photograph() -> None:
    with pytest.raises(ValueError, match="one image"):
        rgb_from_pixels(torch.zeros(2, 3, 4, 4))
