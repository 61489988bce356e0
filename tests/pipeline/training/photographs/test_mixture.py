"""What healing is shown of photographs: exact pairs, alike but for the disease."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from pipeline.models import HealingNet, NetConfig, field_sizes
from pipeline.training.healing import marked_wrong
from pipeline.training.photographs import CLOSER, FACES, PhotographExamples, Shares, Store
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


def test_an_unknown_mark_costs_nothing_and_a_missed_one_does() -> None:
    seen_nothing = torch.full((3, 1, 8, 8), -3.0)
    truth = torch.zeros(3, 1, 8, 8)
    truth[1, :, :4], truth[2] = 1.0, torch.nan
    lost = marked_wrong(seen_nothing, truth)
    assert float(lost[2]) == 0
    assert float(lost[1]) > 1 > 5 * float(lost[0]) > 0


def test_a_network_goes_on_from_one_that_did_not_know_of_marks() -> None:
    config = NetConfig(field_sizes(), 64, channels=(8, 8), width=32, heads=2, layers=1)
    torch.manual_seed(0)
    old = HealingNet(config)
    torch.nn.init.normal_(old.trunk.leave.weight, std=0.02)
    weights = old.state_dict()
    said = 7 * 4  # share, three gains and three additions, folded two by two
    without = weights | {name: weights[name][:said] for name in ("trunk.leave.weight", "trunk.leave.bias")}
    new = HealingNet(config)
    new.begin_with(without)
    picture, tokens = torch.rand(1, 3, 64, 64), torch.zeros(1, len(FIELDS), dtype=torch.long)
    before, after = (net(picture, torch.ones(1), tokens, picture) for net in (old, new))
    torch.testing.assert_close(before.share, after.share)
    torch.testing.assert_close(before.gain, after.gain)
    assert float(after.mark.detach().max()) == -3.0
    assert np.isfinite(after.added.detach().numpy()).all()
