"""sRGB's transfer function, there and back."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.srgb import as_bytes, coded, intensities


def test_every_byte_comes_back() -> None:
    every = np.arange(256, dtype=np.uint8)
    assert np.array_equal(as_bytes(intensities(every)), every)


def test_the_curve_is_that_of_iec_61966_2_1() -> None:
    for value, intensity in ((0.0, 0.0), (0.04, 0.04 / 12.92), (0.5, 0.214041), (1.0, 1.0)):
        assert float(intensities(np.array([value]))[0]) == pytest.approx(intensity, abs=1e-6)
        assert float(coded(np.array([intensity]))[0]) == pytest.approx(value, abs=1e-6)


def test_what_no_picture_can_hold_is_cut_off() -> None:
    assert coded(np.array([-0.1, 1.7])).tolist() == pytest.approx([0.0, 1.0])
    assert intensities(np.array([-0.1, 1.7])).tolist() == [0.0, 1.0]
    assert intensities(np.array([128], np.uint8)).dtype == coded(np.array([0.5])).dtype == np.float32
