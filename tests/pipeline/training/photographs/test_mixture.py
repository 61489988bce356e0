"""What healing is shown of photographs: exact pairs, alike but for the disease."""

from __future__ import annotations

from dataclasses import replace

import torch

from pipeline.training.photographs import CLOSER, FACES, MARKED, PhotographExamples, Shares, Store
from pipeline.vocabulary import FIELDS, token_of

LESION, VIEW = (list(FIELDS).index(name) for name in ("lesion", "view"))


def test_the_same_seed_draws_the_same(store: Store) -> None:
    one, other = (PhotographExamples(store).draw(6, seed=5) for _ in range(2))
    torch.testing.assert_close(one.before, other.before, rtol=0, atol=0)
    torch.testing.assert_close(one.mark, other.mark, rtol=0, atol=0, equal_nan=True)
    assert not torch.equal(one.before, PhotographExamples(store).draw(6, seed=6).before)


def test_before_and_after_differ_by_the_disease_alone(store: Store) -> None:
    drawn = PhotographExamples(store).draw(80, seed=1)
    assert float(drawn.before.min()) >= -1 and float(drawn.before.max()) <= 1
    healthy = token_of("lesion", "healthy")
    told_healthy = drawn.tokens[:, LESION] == healthy
    change = (drawn.before - drawn.after).abs().amax(1)
    assert float(change[~told_healthy].max()) == 0  # what is to stay stays
    beside = torch.nn.functional.max_pool2d(drawn.soft, 9, 1, 4)[:, 0] < 0.01
    assert float(change[beside].quantile(0.999)) < 0.15
    healed = [k for k in range(80) if told_healthy[k] and (drawn.soft[k] > 0.5).sum() > 30]
    assert len(healed) > 20
    strong = torch.stack([change[k][drawn.soft[k, 0] > 0.5].mean() for k in healed])
    assert float(strong.median()) > 0.1


def test_about_half_of_what_is_shown_changes_nothing_when_all_is_as_shipped(store: Store) -> None:
    drawn = PhotographExamples(store).draw(300, seed=2)
    unchanged = float((drawn.changes == 0).float().mean())
    assert 0.2 < unchanged < 0.6


def test_marks_are_known_on_skin_and_unknown_on_faces(store: Store) -> None:
    drawn = PhotographExamples(store, Shares(marked=1.0)).draw(160, seed=3)
    faces = drawn.tokens[:, VIEW] == token_of("view", "face")
    unknown = drawn.mark.isnan().all(3).all(2).all(1)
    torch.testing.assert_close(unknown, faces)
    assert float((drawn.mark[~faces] > 0.5).any(3).any(2).any(1).float().mean()) > 0.6  # some are cut off


def test_for_marks_alone_nothing_is_healed_and_disease_is_still_shown(store: Store) -> None:
    drawn = PhotographExamples(store, replace(MARKED, close_up=0.0)).draw(60, seed=7)
    torch.testing.assert_close(drawn.before, drawn.after, rtol=0, atol=0)
    healed = PhotographExamples(store, replace(MARKED, close_up=0.0, healed=True)).draw(60, seed=7)
    assert not torch.equal(healed.before, healed.after)
    assert float((drawn.soft > 0.5).any(3).any(2).any(1).float().mean()) > 0.5
    assert float((drawn.mark > 0.5).any(3).any(2).any(1).float().mean()) > 0.3


def test_parts_of_faces_are_close_ups_in_the_size_that_is_asked_for(store: Store) -> None:
    whole = PhotographExamples(store, replace(FACES, close_up=0.0)).draw(120, seed=4)
    parts = PhotographExamples(store, replace(CLOSER, dermoscopy=0, wounds=0, close_up=0), side=48).draw(120, seed=4)
    assert parts.before.shape == parts.after.shape == (120, 3, 48, 48) and parts.soft.shape == (120, 1, 48, 48)
    assert set(parts.tokens[:, VIEW].tolist()) == {token_of("view", "close-up")}

    def size(soft: torch.Tensor) -> float:
        areas = soft.mean((1, 2, 3))
        return float(areas[areas > 0.001].median())

    assert size(parts.soft) > 1.2 * size(whole.soft)
    assert 0.2 < float((parts.changes == 0).float().mean()) < 0.7  # half of what is shown has nothing
    beside = torch.nn.functional.max_pool2d(parts.soft, 9, 1, 4)[:, 0] < 0.01
    assert float((parts.before - parts.after).abs().amax(1)[beside].quantile(0.999)) < 0.15
