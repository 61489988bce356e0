"""The embedded model behind its protocol: what it is shown, what an untrained one does, what it refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.errors import UnusablePhotograph
from pipeline.flowedit import flow_edit
from pipeline.models.base import Branch
from pipeline.models.embedded import EXPERTS, EmbeddedModel, Subject, field_sizes, load_embedded, save_expert
from pipeline.models.embedded_net import EmbeddedNet, NetConfig
from pipeline.prompts import ClinicalPrompt

SICK = ClinicalPrompt({"view": "face", "lesion": "plaque"})


@pytest.fixture
def untrained(tmp_path: Path) -> EmbeddedModel:
    torch.manual_seed(0)
    net = EmbeddedNet(NetConfig(field_sizes(), channels=(8, 8), width=32, heads=2, layers=1, views=1))
    for expert in EXPERTS:
        save_expert(net, tmp_path, expert, {})
    return load_embedded(tmp_path)


def subject() -> Subject:
    random = torch.Generator().manual_seed(3)
    return Subject(torch.rand(1, 3, 128, 128, generator=random) * 2 - 1, np.arange(10.0).reshape(5, 2))


def test_an_untrained_model_changes_nothing(untrained: EmbeddedModel) -> None:
    about = subject()
    branches = [Branch(untrained.embed((words, about))) for words in (SICK, SICK.saying(lesion="healthy"))]
    (edited,) = flow_edit(untrained, about.photograph, branches[0], branches[1:], sigma_start=1.0, steps=4)
    torch.testing.assert_close(edited, about.photograph)


def test_the_velocity_leads_from_noise_to_the_predicted_picture(untrained: EmbeddedModel) -> None:
    about = subject()
    z = torch.randn(1, 3, 128, 128, generator=torch.Generator().manual_seed(4))
    (velocity,) = untrained.velocities([z], 0.5, [Branch(untrained.embed((SICK, about)))])
    torch.testing.assert_close(z - 0.5 * velocity, about.photograph)


def test_a_persona_is_shown_beside_the_photograph_where_there_is_a_face(untrained: EmbeddedModel) -> None:
    about = subject()
    named = SICK.saying(persona="persona 07")
    assert untrained.embed((named, about)).portrait.any()
    assert not untrained.embed((SICK, about)).portrait.any()
    assert not untrained.embed((named, Subject(about.photograph))).portrait.any()


def test_a_photograph_of_another_size_is_refused(untrained: EmbeddedModel) -> None:
    with pytest.raises(UnusablePhotograph, match="multiples of 128"):
        untrained.embed((SICK, Subject(torch.zeros(1, 3, 96, 128))))


def test_an_edit_enlarged_shrinks_to_the_edit(untrained: EmbeddedModel) -> None:
    about = subject()
    prompt = untrained.embed((SICK.saying(persona="persona 07"), about))
    edited = (about.photograph * 0.8 + 0.05).clamp(-1, 1)
    photograph = torch.nn.functional.interpolate(about.photograph, (384, 384), mode="bicubic").clamp(-1, 1)
    whole = untrained.enlarged(edited, photograph, prompt)
    assert whole.shape == (1, 3, 384, 384)
    shrunk = torch.nn.functional.interpolate(whole, (128, 128), mode="area")
    assert float((shrunk - edited).abs().mean()) < 0.05


def test_the_persona_least_like_a_face_is_told_from_the_others(tmp_path: Path) -> None:
    net = EmbeddedNet(NetConfig(field_sizes(), channels=(8, 8), width=32, heads=2, layers=1, views=1))
    descriptors = torch.nn.functional.normalize(torch.randn(24, 128, generator=torch.Generator().manual_seed(1)))
    net.portraits.measure(descriptors, torch.zeros(24))
    for expert in EXPERTS:
        save_expert(net, tmp_path, expert, {})
    likeness = load_embedded(tmp_path).likeness(descriptors[6].double().numpy() * 9)
    assert likeness.index(max(likeness)) == 6
