"""What the swapping network is given and what it makes of it before it has learned anything."""

from __future__ import annotations

import torch

from pipeline.models import HealingNet, NetConfig, SwappingNet, field_sizes
from pipeline.models.swapping import relit
from pipeline.vocabulary import FIELDS

SIDE = 128


def portrait(value: float) -> torch.Tensor:
    """A plain portrait with a dark spot, over the whole square: [1, 4, R, R]."""
    picture = torch.full((1, 4, SIDE, SIDE), value)
    picture[:, :3, 60:64, 60:64] -= 0.2
    picture[:, 3] = 1
    return picture


def test_a_relit_portrait_has_the_photographs_colours_and_its_own_features() -> None:
    photograph = torch.tensor([0.2, -0.3, -0.6])[None, :, None, None].expand(1, 3, SIDE, SIDE)
    colours, cover = relit(portrait(0.5), photograph).split([3, 1], 1)
    torch.testing.assert_close(colours[..., 10, 10], photograph[..., 10, 10], atol=0.02, rtol=0)
    ratio = (colours[..., 62, 62] + 1) / (colours[..., 10, 10] + 1)
    torch.testing.assert_close(ratio, torch.full((1, 3), 1.3 / 1.5), atol=0.02, rtol=0)
    assert bool((cover == 1).all())


def test_no_portrait_stays_no_portrait() -> None:
    assert not relit(torch.zeros(1, 4, SIDE, SIDE), torch.full((1, 3, SIDE, SIDE), 0.4)).any()


def test_an_untrained_network_lays_the_persona_on_the_face_and_changes_nothing_else() -> None:
    torch.manual_seed(0)
    net = SwappingNet(NetConfig(field_sizes(), channels=(8, 8), width=32, heads=2, layers=1, views=1)).eval()
    photograph = torch.full((1, 3, SIDE, SIDE), -0.4)
    z, sigma, tokens = torch.randn(1, 3, SIDE, SIDE), torch.tensor([0.5]), torch.zeros(1, len(FIELDS), dtype=torch.long)
    nobody = torch.zeros(1, 4, SIDE, SIDE)
    assert torch.equal(net(z, sigma, tokens, photograph, nobody).applied(photograph, nobody), photograph)
    laid = portrait(0.5)
    laid[:, 3, :, SIDE // 2 + 10 :] = 0  # half of it is no face
    shown = net(z, sigma, tokens, photograph, laid).applied(photograph, laid)
    persona = relit(laid, photograph)[:, :3]
    face = slice(0, SIDE // 2 + 10)
    torch.testing.assert_close(shown[..., face], persona[..., face], atol=0.01, rtol=0)
    torch.testing.assert_close(shown[..., SIDE // 2 + 10 :], photograph[..., SIDE // 2 + 10 :], atol=0.02, rtol=0)


def test_an_alteration_is_the_same_edit_at_every_resolution() -> None:
    torch.manual_seed(0)
    net = SwappingNet(NetConfig(field_sizes(), channels=(8, 8), width=32, heads=2, layers=1, views=1)).eval()
    for last in (net.trunk.leave, net.shape):
        torch.nn.init.normal_(last.weight, std=0.02)
    smooth = torch.nn.functional.interpolate(torch.rand(1, 3, 4, 4) - 0.5, (4 * SIDE, 4 * SIDE), mode="bicubic")
    small = torch.nn.functional.interpolate(smooth, (SIDE, SIDE), mode="area")
    tokens = torch.zeros(1, len(FIELDS), dtype=torch.long)
    large_portrait = torch.nn.functional.interpolate(portrait(0.5), (4 * SIDE, 4 * SIDE), mode="nearest")
    with torch.no_grad():
        alteration = net(small, torch.tensor([0.7]), tokens, small, portrait(0.5))
        fine, coarse = alteration.applied(smooth, large_portrait), alteration.applied(small, portrait(0.5))
    shrunk = torch.nn.functional.interpolate(fine, (SIDE, SIDE), mode="area")
    assert float((coarse - small).abs().mean()) > 0.02  # it is an edit
    assert float((shrunk - coarse).abs().mean()) < 0.01


def test_a_portrait_is_held_still_where_it_shows_its_face() -> None:
    torch.manual_seed(0)
    net = SwappingNet(NetConfig(field_sizes(), channels=(8, 8), width=32, heads=2, layers=1, views=1)).eval()
    torch.nn.init.constant_(net.shape.bias, 3.0)  # as far as it can
    laid = portrait(0.5)
    laid[:, 3, :, SIDE // 2 :] = 0  # half of it is no face
    photograph, tokens = torch.zeros(1, 3, SIDE, SIDE), torch.zeros(1, len(FIELDS), dtype=torch.long)
    with torch.no_grad():
        shapes = net(photograph, torch.tensor([1.0]), tokens, photograph, laid).shapes
    half = shapes.shape[-1] // 2
    assert float(shapes[:, 2:, :, :half].abs().max()) < 0.03 < 0.2 < float(shapes[:, 2:, :, half:].abs().min())
    assert float(shapes[:, :2].abs().min()) > 0.2


def test_it_begins_with_what_another_network_of_other_resolution_sees_and_says_nothing_yet() -> None:
    torch.manual_seed(0)
    finer = HealingNet(NetConfig(field_sizes(), 256, channels=(8, 8, 16), width=32, heads=2, layers=1, views=1))
    net = SwappingNet(NetConfig(field_sizes(), channels=(8, 16), width=32, heads=2, layers=1, views=1))
    net.begin_with(finer.state_dict())
    shared = "trunk.transformer.transformer_blocks.0.ff.net.2.weight"
    assert torch.equal(net.state_dict()[shared], finer.state_dict()[shared])
    assert torch.equal(net.state_dict()["trunk.down.1.second.weight"], finer.state_dict()["trunk.down.1.second.weight"])
    assert not net.trunk.leave.weight.any()
