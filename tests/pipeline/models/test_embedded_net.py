"""What the network is given and what it makes of it before it has learned anything."""

from __future__ import annotations

from dataclasses import replace

import torch

from pipeline.models.embedded import field_sizes
from pipeline.models.embedded_net import EmbeddedNet, NetConfig, relit
from pipeline.prompts import FIELDS

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
    net = EmbeddedNet(NetConfig(field_sizes(), channels=(8, 8), width=32, heads=2, layers=1, views=1)).eval()
    photograph = torch.full((1, 3, SIDE, SIDE), -0.4)
    z, sigma, tokens = torch.randn(1, 3, SIDE, SIDE), torch.tensor([0.5]), torch.zeros(1, len(FIELDS), dtype=torch.long)
    torch.testing.assert_close(net(z, sigma, tokens, photograph, torch.zeros(1, 4, SIDE, SIDE))[0], photograph)
    laid = portrait(0.5)
    laid[:, 3, :, SIDE // 2 + 10 :] = 0  # half of it is no face
    shown, _ = net(z, sigma, tokens, photograph, laid)
    persona = relit(laid, photograph)[:, :3]
    face = slice(0, SIDE // 2 + 10)
    torch.testing.assert_close(shown[..., face], persona[..., face], atol=0.01, rtol=0)
    torch.testing.assert_close(shown[..., SIDE // 2 + 10 :], photograph[..., SIDE // 2 + 10 :], atol=0.02, rtol=0)


def test_noise_alone_is_not_looked_at() -> None:
    torch.manual_seed(0)
    net = EmbeddedNet(NetConfig(field_sizes(), channels=(8, 8), width=32, heads=2, layers=1, views=1)).eval()
    torch.nn.init.normal_(net.leave.weight, std=0.1)
    photograph, nobody = torch.zeros(1, 3, SIDE, SIDE), torch.zeros(1, 4, SIDE, SIDE)
    tokens = torch.zeros(1, len(FIELDS), dtype=torch.long)

    def seen_at(sigma: float) -> float:
        draws = torch.randn(2, 1, 3, SIDE, SIDE)
        ends = [net(z, torch.tensor([sigma]), tokens, photograph, nobody)[0] for z in draws]
        return float((ends[0] - ends[1]).abs().max())

    with torch.no_grad():
        assert seen_at(1.0) == 0.0
        assert seen_at(0.5) > 0.0


def test_an_alteration_is_the_same_edit_at_every_resolution() -> None:
    torch.manual_seed(0)
    net = EmbeddedNet(NetConfig(field_sizes(), channels=(8, 8), width=32, heads=2, layers=1, views=1)).eval()
    for last in (net.leave, net.shape):
        torch.nn.init.normal_(last.weight, std=0.02)
    smooth = torch.nn.functional.interpolate(torch.rand(1, 3, 4, 4) - 0.5, (4 * SIDE, 4 * SIDE), mode="bicubic")
    small = torch.nn.functional.interpolate(smooth, (SIDE, SIDE), mode="area")
    tokens = torch.zeros(1, len(FIELDS), dtype=torch.long)
    large_portrait = torch.nn.functional.interpolate(portrait(0.5), (4 * SIDE, 4 * SIDE), mode="nearest")
    with torch.no_grad():
        alteration = net.alteration(small, torch.tensor([0.7]), tokens, small, portrait(0.5))
        fine, coarse = alteration.applied(smooth, large_portrait), alteration.applied(small, portrait(0.5))
    shrunk = torch.nn.functional.interpolate(fine, (SIDE, SIDE), mode="area")
    assert float((coarse - small).abs().mean()) > 0.02  # it is an edit
    assert float((shrunk - coarse).abs().mean()) < 0.01


def test_where_nobody_is_named_the_share_says_what_is_altered() -> None:
    torch.manual_seed(0)
    net = EmbeddedNet(NetConfig(field_sizes(), channels=(8, 8), width=32, heads=2, layers=1, views=1)).eval()
    photograph, nobody = torch.zeros(1, 3, SIDE, SIDE), torch.zeros(1, 4, SIDE, SIDE)
    tokens = torch.zeros(1, len(FIELDS), dtype=torch.long)
    with torch.no_grad():
        alteration = net.alteration(photograph, torch.tensor([0.7]), tokens, photograph, nobody)
    darker = replace(alteration, gain=torch.full_like(alteration.gain, -1.0))
    kept = replace(darker, share=torch.full_like(alteration.share, -20.0))
    assert float((darker.applied(photograph, nobody) - photograph).abs().min()) > 0.2
    torch.testing.assert_close(kept.applied(photograph, nobody), photograph)
