"""What the healing network says before it has learned anything, and what its words do to a photograph."""

from __future__ import annotations

import torch

from pipeline.models import HealingFlow, HealingNet, NetConfig, field_sizes
from pipeline.models.healing import Healing, Sureness
from pipeline.vocabulary import FIELDS, ClinicalPrompt

SIDE = 64
TOKENS = torch.zeros(1, len(FIELDS), dtype=torch.long)


def tiny_net() -> HealingNet:
    torch.manual_seed(0)
    return HealingNet(NetConfig(field_sizes(), SIDE, channels=(8, 8, 8), width=32, heads=2, layers=1)).eval()


def test_an_untrained_network_changes_nothing() -> None:
    photograph = torch.rand(1, 3, SIDE, SIDE) * 2 - 1
    healing = tiny_net()(torch.randn(1, 3, SIDE, SIDE), torch.tensor([0.5]), TOKENS, photograph)
    torch.testing.assert_close(healing.applied(photograph), photograph)


def test_noise_alone_is_not_looked_at() -> None:
    net = tiny_net()
    torch.nn.init.normal_(net.trunk.leave.weight, std=0.1)
    photograph = torch.zeros(1, 3, SIDE, SIDE)

    def seen_at(sigma: float) -> float:
        draws = torch.randn(2, 1, 3, SIDE, SIDE)
        ends = [net(z, torch.tensor([sigma]), TOKENS, photograph).applied(photograph) for z in draws]
        return float((ends[0] - ends[1]).abs().max())

    with torch.no_grad():
        assert seen_at(1.0) == 0.0
        assert seen_at(0.5) > 0.0


def test_skin_is_altered_where_the_share_says_and_nowhere_else() -> None:
    photograph = torch.zeros(1, 3, SIDE, SIDE)
    share = torch.full((1, 1, SIDE, SIDE), -20.0)
    share[..., 10:20, 10:20] = 20.0
    darker = Healing(share, torch.full((1, 3, SIDE, SIDE), -1.0), torch.zeros(1, 3, SIDE, SIDE))
    changed = (darker.applied(photograph) - photograph).abs().amax((0, 1))
    assert float(changed[10:20, 10:20].min()) > 0.5
    changed[10:20, 10:20] = 0
    assert float(changed.max()) < 1e-6
    everywhere = darker.applied(photograph, torch.ones(1, 1, SIDE, SIDE))
    torch.testing.assert_close(everywhere, torch.full_like(photograph, float(torch.tensor(-1.0).exp()) - 1))


def test_a_flow_that_must_be_sure_leaves_what_it_doubts() -> None:
    net = tiny_net()
    assert net.trunk.leave.bias is not None
    with torch.no_grad():
        net.trunk.leave.bias[4:16] = -1.0  # gains, folded 2 x 2, where shares are those 4 before them
    photograph = torch.zeros(1, 3, SIDE, SIDE)

    def darkened(share: float, sureness: Sureness | None) -> float:
        with torch.no_grad():
            net.trunk.leave.bias[:4] = share  # type: ignore[index]
        flow = HealingFlow(net, "digest", sureness)
        prompt = flow.embed((ClinicalPrompt({"view": "face", "lesion": "healthy"}), photograph))
        return float(flow.clean(photograph, torch.ones(1), [prompt]).mean())

    sure = Sureness(alone=4.0, half=0.5)
    assert darkened(-1.0, None) < -0.2 < -0.05 < darkened(-1.0, sure)
    assert darkened(2.0, sure) < darkened(2.0, None) < -0.55


def test_a_flow_leads_from_noise_to_the_healed_picture() -> None:
    net = tiny_net()
    torch.nn.init.normal_(net.trunk.leave.weight, std=0.1)
    flow = HealingFlow(net, "digest")
    photograph = torch.rand(1, 3, SIDE, SIDE) - 0.5
    prompt = flow.embed((ClinicalPrompt({"view": "face", "lesion": "healthy"}), photograph))
    z = torch.randn(1, 3, SIDE, SIDE)
    clean = flow.clean(z, torch.tensor([0.5]), [prompt])
    assert float((clean - photograph).abs().max()) > 0.01


def test_a_network_goes_on_from_one_that_sees_a_larger_square() -> None:
    larger = HealingNet(NetConfig(field_sizes(), 2 * SIDE, channels=(8, 8, 8), width=32, heads=2, layers=1))
    torch.nn.init.normal_(larger.trunk.leave.weight, std=0.1)
    net = tiny_net()
    net.begin_with(larger.state_dict())
    places = "trunk.transformer.pos_embed.pos_embed"
    inner, all_places = (each.state_dict()[places][0] for each in (net, larger))
    torch.testing.assert_close(inner.view(4, 4, -1), all_places.view(8, 8, -1)[2:6, 2:6])
    torch.testing.assert_close(net.trunk.leave.weight, larger.trunk.leave.weight)
