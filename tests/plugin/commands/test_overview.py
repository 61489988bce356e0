"""The picture of the results."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.disease import difference_picture
from pipeline.photograph import Twins
from plugin.commands.overview import Row, draw, outlined
from tests.plugin.fakes import MirroringTwinMaker, skin


def test_redness_shows_red_where_the_disease_was() -> None:
    sick = skin()
    healthy = sick.copy()
    lesion = sick[..., 0].astype(int) - sick[..., 1] > 80
    healthy[lesion] = np.median(sick[~lesion], axis=0)
    picture = difference_picture(sick, healthy, "erythema").astype(int)
    assert np.median(picture[lesion][:, 0] - picture[lesion][:, 2]) > 50
    assert abs(np.median(picture[~lesion][:, 0] - picture[~lesion][:, 2])) < 5


def test_the_outline_surrounds_the_mask_and_covers_none_of_it() -> None:
    rgb, mask = skin(), np.zeros((96, 96), bool)
    mask[30:50, 40:60] = True
    drawn = outlined(rgb, mask)
    assert (drawn[mask] == rgb[mask]).all()
    assert (drawn[28, 45] == (0, 230, 230)).all()
    assert (outlined(rgb, np.zeros_like(mask)) == rgb).all()


@pytest.mark.parametrize("with_healthy", [True, False])
def test_there_is_one_row_for_each_photograph_whatever_its_shape(with_healthy: bool) -> None:
    wide = np.ascontiguousarray(np.tile(skin(), (1, 2, 1)))
    rows = []
    for rgb in (skin(), wide):
        mask = MirroringTwinMaker().subtract(Twins(rgb, rgb)).mask
        rows.append(Row(rgb, rgb if with_healthy else None, mask, "none", "None", "0 faces"))
    assert draw(rows).height > draw(rows[:1]).height + 150
