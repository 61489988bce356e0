"""The embedded model behind its protocol: what it is shown, what an untrained one does, what it refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.errors import UnusablePhotograph
from pipeline.flowedit import flow_edit
from pipeline.models.base import Branch
from pipeline.models.embedded import EmbeddedModel, Subject, field_sizes, load_embedded, save_embedded
from pipeline.models.embedded_net import EmbeddedNet, NetConfig
from pipeline.prompts import ClinicalPrompt

SICK = ClinicalPrompt({"view": "face", "lesion": "plaque"})


@pytest.fixture
def untrained(tmp_path: Path) -> EmbeddedModel:
    torch.manual_seed(0)
    net = EmbeddedNet(NetConfig(field_sizes(), channels=(8, 8), width=32, heads=2, layers=1, views=1))
    save_embedded(net, tmp_path, {})
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
