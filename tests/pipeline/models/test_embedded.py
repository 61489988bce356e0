"""The embedded model behind its protocol: what it is shown, what an untrained one does, what it refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.edits import flow_edit
from pipeline.errors import ModelError, UnusablePhotograph
from pipeline.models import (
    Branch,
    EmbeddedModel,
    FaceLesionConfig,
    FaceLesionNet,
    HealingNet,
    NetConfig,
    PlaceConfig,
    PlaceNet,
    Subject,
    SwappingNet,
    field_sizes,
    load_embedded,
    save_expert,
)
from pipeline.models.embedded import EXPERTS
from pipeline.vocabulary import ClinicalPrompt

SICK = ClinicalPrompt({"view": "face", "lesion": "plaque"})
NAMED = SICK.saying(persona="persona 07")


def tiny_healing() -> HealingNet:
    return HealingNet(NetConfig(field_sizes(), 64, channels=(8, 8, 8), width=32, heads=2, layers=1))


def tiny_swapping() -> SwappingNet:
    return SwappingNet(NetConfig(field_sizes(), channels=(8, 8), width=32, heads=2, layers=1, views=1))


def tiny_places() -> PlaceNet:
    return PlaceNet(PlaceConfig(32, (8, 8)))


def save_experts(folder: Path, swapping: SwappingNet | None = None) -> None:
    save_expert("heal", tiny_healing(), folder, {})
    save_expert("skin", tiny_healing(), folder, {})
    save_expert("closer", tiny_healing(), folder, {})
    save_expert("swap", swapping or tiny_swapping(), folder, {})
    save_expert("marks", tiny_places(), folder, {})
    save_expert("lesions", tiny_places(), folder, {})
    save_expert("face_lesions", FaceLesionNet(FaceLesionConfig(32, 3, (8, 8), (0, 0), (0,))), folder, {})


@pytest.fixture
def untrained(tmp_path: Path) -> EmbeddedModel:
    torch.manual_seed(0)
    save_experts(tmp_path)
    return load_embedded(tmp_path)


def picture(side: int) -> torch.Tensor:
    return torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(3)) * 2 - 1


def subject() -> Subject:
    return Subject(picture(128), np.arange(10.0).reshape(5, 2))


def test_each_expert_has_its_own_resolution(untrained: EmbeddedModel) -> None:
    assert (untrained.healing.resolution, untrained.skin.resolution, untrained.swapping.resolution) == (64, 64, 128)


def test_an_untrained_model_heals_nothing(untrained: EmbeddedModel) -> None:
    photograph, flow = picture(64), untrained.healing
    source, target = (Branch(flow.embed((words, photograph))) for words in (SICK, SICK.saying(lesion="healthy")))
    (edited,) = flow_edit(flow, photograph, source, [target], sigma_start=1.0, steps=4)
    torch.testing.assert_close(edited, photograph)


def test_a_swap_that_names_nobody_changes_nothing(untrained: EmbeddedModel) -> None:
    about, flow = subject(), untrained.swapping
    source, target = (Branch(flow.embed((words, about))) for words in (SICK, SICK.saying(lesion="healthy")))
    (edited,) = flow_edit(flow, about.photograph, source, [target], sigma_start=1.0, steps=4)
    assert torch.equal(edited, about.photograph)


def test_the_velocity_leads_from_noise_to_the_predicted_picture(untrained: EmbeddedModel) -> None:
    photograph, flow = picture(64), untrained.healing
    z = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(4))
    (velocity,) = flow.velocities([z], 0.5, [Branch(flow.embed((SICK, photograph)))])
    torch.testing.assert_close(z - 0.5 * velocity, photograph)


def test_a_persona_is_shown_beside_the_photograph_where_there_is_a_face(untrained: EmbeddedModel) -> None:
    about, flow = subject(), untrained.swapping
    assert flow.embed((NAMED, about)).portrait.any()
    assert not flow.embed((SICK, about)).portrait.any()
    assert not flow.embed((NAMED, Subject(about.photograph))).portrait.any()


def test_a_photograph_of_another_size_is_refused(untrained: EmbeddedModel) -> None:
    with pytest.raises(UnusablePhotograph, match="multiples of 128"):
        untrained.swapping.embed((SICK, Subject(torch.zeros(1, 3, 96, 128))))
    with pytest.raises(UnusablePhotograph, match="multiples of 64"):
        untrained.healing.embed((SICK, torch.zeros(1, 3, 96, 64)))


def test_a_prompt_of_the_other_expert_is_refused(untrained: EmbeddedModel) -> None:
    prompt = untrained.swapping.embed((SICK, subject()))
    with pytest.raises(ModelError, match="embed it with the same model"):
        untrained.healing.velocities([picture(64)], 0.5, [Branch(prompt)])


def test_an_edit_enlarged_shrinks_to_the_edit(untrained: EmbeddedModel) -> None:
    about, flow = subject(), untrained.swapping
    prompt = flow.embed((NAMED, about))
    edited = (about.photograph * 0.8 + 0.05).clamp(-1, 1)
    photograph = torch.nn.functional.interpolate(about.photograph, (384, 384), mode="bicubic").clamp(-1, 1)
    whole = flow.enlarged(edited, photograph, prompt)
    assert whole.shape == (1, 3, 384, 384)
    shrunk = torch.nn.functional.interpolate(whole, (128, 128), mode="area")
    assert float((shrunk - edited).abs().mean()) < 0.05


def test_the_persona_least_like_a_face_is_told_from_the_others(tmp_path: Path) -> None:
    net = tiny_swapping()
    descriptors = torch.nn.functional.normalize(torch.randn(24, 128, generator=torch.Generator().manual_seed(1)))
    net.portraits.measure(descriptors)
    save_experts(tmp_path, net)
    likeness = load_embedded(tmp_path).swapping.likeness(descriptors[6].double().numpy() * 9)
    assert likeness.index(max(likeness)) == 6


def test_weights_are_written_with_their_hash_and_refused_without(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        load_embedded(tmp_path)
    save_expert("heal", tiny_healing(), tmp_path, {"images_seen": 0})
    with pytest.raises(ModelError, match="lacks a network: it has heal"):
        load_embedded(tmp_path)
    save_experts(tmp_path)
    whole = load_embedded(tmp_path).digest
    for expert in EXPERTS:
        path = tmp_path / f"{expert}.safetensors"
        intact = path.read_bytes()
        path.write_bytes(intact[:-1] + bytes([intact[-1] ^ 1]))
        with pytest.raises(ModelError, match=f"{expert}.*SHA-256"):
            load_embedded(tmp_path)
        path.write_bytes(intact)
    assert load_embedded(tmp_path).digest == whole
    net = tiny_healing()
    with torch.no_grad():
        net.trunk.leave.weight += 1
    save_expert("skin", net, tmp_path, {})
    assert load_embedded(tmp_path).digest != whole
