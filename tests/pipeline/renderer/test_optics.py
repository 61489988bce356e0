"""The colour of skin follows from its pigments as it does in the clinic."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.renderer.optics import (
    DEOXYHAEMOGLOBIN,
    ITA_BOUNDS,
    OXYHAEMOGLOBIN,
    SKIN_TYPES,
    WAVELENGTHS,
    WHITE_D65,
    XYZ_TO_SRGB,
    colour_matching,
    delta_e,
    lab_from_linear,
    linear_from_srgb,
    melanin_for_angle,
    one_skin_colour,
    skin_table,
    skin_type,
    typology_angle,
)


def test_oxyhaemoglobin_has_its_two_bands_in_the_green_and_deoxyhaemoglobin_one() -> None:
    green = (WAVELENGTHS >= 520) & (WAVELENGTHS <= 600)

    def peaks(spectrum: np.ndarray) -> list[float]:
        middle = (spectrum[1:-1] > spectrum[:-2]) & (spectrum[1:-1] > spectrum[2:]) & green[1:-1]
        return WAVELENGTHS[1:-1][middle].tolist()

    assert peaks(OXYHAEMOGLOBIN) == [540, 580]  # 542 and 576 nm on the 10 nm grid
    assert peaks(DEOXYHAEMOGLOBIN) == [560]  # 556 nm


def test_the_colour_matching_functions_are_those_of_the_standard_observer() -> None:
    nanometres = np.arange(380, 781, 1.0)
    x, y, z = colour_matching(nanometres)
    assert nanometres[y.argmax()] == pytest.approx(555, abs=4)
    assert y.max() == pytest.approx(1, abs=0.02)
    # CIE 1931: the three functions have equal area, 106.86 on a grid of 1 nm.
    assert [x.sum(), y.sum(), z.sum()] == pytest.approx([106.9] * 3, rel=0.01)


def test_white_stays_white() -> None:
    white = XYZ_TO_SRGB @ WHITE_D65
    assert white == pytest.approx(np.ones(3), abs=2e-3)
    assert lab_from_linear(linear_from_srgb([1.0, 1.0, 1.0])) == pytest.approx([100, 0, 0], abs=0.1)


def test_black_and_white_differ_by_a_hundred() -> None:
    black, white = np.zeros((1, 3), np.uint8), np.full((1, 3), 255, np.uint8)
    assert delta_e(black, white) == pytest.approx([100], abs=0.1)


def test_melanin_darkens_and_blood_reddens() -> None:
    pale, dark = one_skin_colour(0.02, 0.01), one_skin_colour(0.3, 0.01)
    assert (dark < pale).all()
    rest, flushed = (lab_from_linear(one_skin_colour(0.02, blood)) for blood in (0.01, 0.03))
    assert flushed[1] > rest[1] + 3
    assert flushed[0] < rest[0]


def test_the_table_darkens_with_melanin() -> None:
    table = skin_table()
    assert table.shape == (96, 96, 3)
    # More melanin is never brighter, but for the darkest reds, which lie at the edge of what sRGB can show.
    assert np.diff(table, axis=0).max() < 1e-4


@pytest.mark.parametrize("angle", [54.0, 41.5, 28.0, 0.0, -29.0, -55.0])
def test_melanin_is_found_for_a_typology_angle(angle: float) -> None:
    assert typology_angle(melanin_for_angle(angle, 0.0095), 0.0095) == pytest.approx(angle, abs=0.3)


def test_skin_types_change_at_their_bounds() -> None:
    assert [skin_type(bound + 0.1) for bound in ITA_BOUNDS] == list(SKIN_TYPES[:-1])
    assert [skin_type(bound - 0.1) for bound in ITA_BOUNDS] == list(SKIN_TYPES[1:])
