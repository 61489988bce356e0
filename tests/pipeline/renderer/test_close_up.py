"""Close-ups and dermoscopy: skin without a face."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("numba", reason="numba is not installed: nothing renders (pip install twinveil[train])")

from scipy.ndimage import binary_dilation

from pipeline.renderer import Renderer
from pipeline.renderer.description import PERSONA_FIELDS
from pipeline.renderer.lesions import KINDS

OUTPUT = 128


@pytest.mark.parametrize("dermoscopy", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_can_be_seen_close_up(renderer: Renderer, kind: str, dermoscopy: bool) -> None:
    patches = [renderer.close_up(seed, kind=kind, dermoscopy=dermoscopy, output=OUTPUT) for seed in range(3)]
    assert any(patch.visible for patch in patches)
    for patch in patches:
        assert patch.view == patch.description.view == ("dermoscopy" if dermoscopy else "close-up")
        assert (patch.description.lesion, patch.description.site) == (kind, "skin patch")
        near_lesion = binary_dilation(patch.lesion_soft > 0.01, iterations=3)
        changed = np.abs(patch.photograph.astype(int) - patch.healthy_twin).max(-1) > 2
        assert (changed & ~near_lesion).mean() < 1e-3


def test_a_patch_has_no_face(renderer: Renderer) -> None:
    patch = renderer.close_up(1, output=OUTPUT)
    assert np.isnan(patch.landmarks).all()
    words = patch.description.words()
    assert {words[field] for field in (*PERSONA_FIELDS, "sex", "age")} == {None}


def test_close_ups_are_a_function_of_their_seed(renderer: Renderer) -> None:
    first, again, other = (renderer.close_up(seed, output=OUTPUT).photograph for seed in (4, 4, 5))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_dermatoscope_shows_a_round_field(renderer: Renderer) -> None:
    patch = renderer.close_up(2, dermoscopy=True, output=OUTPUT)
    corners = patch.photograph[[0, 0, -1, -1], [0, -1, 0, -1]]
    assert corners.max() < 20
    assert patch.photograph[OUTPUT // 2, OUTPUT // 2].max() > 40
    assert not patch.mask[0, 0]


def test_healthy_patches_have_no_lesion(renderer: Renderer) -> None:
    patch = renderer.close_up(3, kind="healthy", output=OUTPUT)
    assert np.array_equal(patch.photograph, patch.healthy_twin)
    assert patch.description.lesion == "healthy"


def test_a_larger_patch_shows_the_same_larger(renderer: Renderer) -> None:
    small, large = (renderer.close_up(7, kind="plaque", output=side) for side in (128, 640))
    reduced = large.photograph.reshape(128, 5, 128, 5, 3).mean((1, 3))
    assert np.abs(reduced - small.photograph).mean() < 8
