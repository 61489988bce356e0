"""Training can be killed at any moment: what was learned by the last checkpoint is there, and the draw goes on."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.errors import ModelError, PipelineError
from pipeline.models.base import Branch
from pipeline.models.embedded import EmbeddedPrompt, field_sizes, load_embedded, save_embedded
from pipeline.models.embedded_net import EmbeddedNet, NetConfig
from pipeline.prompts import FIELDS, ClinicalPrompt, token_of
from pipeline.training.cache import IMAGES, SIDE, PairCache
from pipeline.training.captions import thin
from pipeline.training.recipe import Dropout, Recipe, Stage
from pipeline.training.trainer import EDITS, Trainer, examples

LESION = list(FIELDS).index("lesion")
TINY = Recipe(
    stages=(Stage(1, 8 * len(EDITS), 1.0, 0.0), Stage(1, 4 * len(EDITS), 1.0, 0.5)), checkpoint_seconds=0.0
)


def tiny_net() -> EmbeddedNet:
    torch.manual_seed(0)
    return EmbeddedNet(NetConfig(field_sizes(), channels=(8, 8), width=32, heads=2, layers=1))


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shard of plain coloured squares: darker when sick, greener when disguised."""
    folder = tmp_path_factory.mktemp("pairs")
    rows = 6
    columns: dict[str, np.ndarray] = {}
    for name in IMAGES:
        picture = np.full((rows, SIDE, SIDE, 3), 180, np.uint8)
        picture[:, 60:90, 60:90] -= 80 if name.endswith("sick") else 0
        picture[..., 1] += 40 if name.startswith("disguised") else 0
        columns[name] = picture
        words = ClinicalPrompt(
            {"view": "face", "sex": "male", "lesion": "naevus" if name.endswith("sick") else "healthy"}
        ).saying(persona="persona 05" if name.startswith("disguised") else None)
        columns[f"{name}_tokens"] = np.tile(np.array(words.tokens(), np.int16), (rows, 1))
    for name in ("patient_soft", "disguised_soft"):
        columns[name] = np.zeros((rows, SIDE, SIDE), np.uint8)
        columns[name][:, 60:90, 60:90] = 255
    fields = json.dumps({name: list(words) for name, words in FIELDS.items()})
    np.savez(folder / "pairs-0000000.npz", fields=fields, **columns)
    return folder


def train(pairs: Path, folder: Path, recipe: Recipe = TINY) -> Trainer:
    torch.set_num_threads(1)
    trainer = Trainer(tiny_net(), PairCache(pairs), recipe, folder)
    trainer.run(lambda line: None)
    return trainer


def test_the_loss_falls(pairs: Path, tmp_path: Path) -> None:
    recipe = replace(TINY, stages=(Stage(2, 240 * len(EDITS), 1.0, 0.3),))
    trainer = Trainer(tiny_net(), PairCache(pairs), recipe, tmp_path)
    stage = recipe.stages[0]
    first = float(torch.stack([trainer._one_step(stage)[1].mean() for _ in range(10)]).mean())
    for _ in range(120):
        trainer._one_step(stage)
    last = float(torch.stack([trainer._one_step(stage)[1].mean() for _ in range(10)]).mean())
    assert last < 0.7 * first


def test_a_run_killed_by_sigkill_goes_on_and_ends_where_an_unbroken_one_ends(pairs: Path, tmp_path: Path) -> None:
    unbroken = train(pairs, tmp_path / "unbroken")
    # A recipe too long to finish before the kill; its first stages' draws are the same.
    context = multiprocessing.get_context("spawn")
    child = context.Process(target=train, args=(pairs, tmp_path / "broken"))
    child.start()
    assert child.pid is not None
    deadline = time.monotonic() + 120
    while not (tmp_path / "broken" / "checkpoint.pt").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(child.pid, signal.SIGKILL)
    child.join()
    resumed = Trainer(tiny_net(), PairCache(pairs), TINY, tmp_path / "broken")
    assert resumed.images > 0
    resumed.run(lambda line: None)
    assert (resumed.stage, resumed.step, resumed.images) == (unbroken.stage, unbroken.step, unbroken.images)
    for name, weights in unbroken.average.state_dict().items():
        torch.testing.assert_close(resumed.average.state_dict()[name], weights, rtol=1e-3, atol=1e-4)


def test_a_checkpoint_of_another_network_is_refused(pairs: Path, tmp_path: Path) -> None:
    train(pairs, tmp_path)
    other = EmbeddedNet(NetConfig(field_sizes(), channels=(8, 8), width=32, heads=2, layers=2))
    with pytest.raises(RuntimeError, match="transformer_blocks"):
        Trainer(other, PairCache(pairs), TINY, tmp_path)


def test_inputs_before_an_edit_meet_captions_and_pictures_after_it(pairs: Path) -> None:
    generator = torch.Generator().manual_seed(1)
    batch = PairCache(pairs).draw(2, generator)
    silent_never = replace(TINY, dropout=Dropout(everything=0, each=0, lesion_name=0))
    before, after, tokens, soft = examples(batch, silent_never, generator)
    assert before.shape == after.shape == (2 * len(EDITS), 3, 128, 128)
    lesions = tokens[:, LESION].reshape(len(EDITS), 2)[:, 0].tolist()
    naevus, healthy = token_of("lesion", "naevus"), token_of("lesion", "healthy")
    assert lesions == [naevus, naevus, healthy, healthy]
    healing = slice(6, 8)
    changed = (before[healing] - after[healing]).abs().mean(1, keepdim=True) > 0.05
    assert bool(changed.any())
    assert bool((soft[healing][changed] > 0).all())


def test_thinning_never_hides_what_a_row_differs_in(pairs: Path) -> None:
    generator = torch.Generator().manual_seed(2)
    tokens = PairCache(pairs).draw(6, generator).tokens
    persona = list(FIELDS).index("persona")
    for _ in range(20):
        thinned = thin(tokens, Dropout(each=0.9, persona_words=0.9, place=0.9), generator)
        assert bool((thinned["disguised_sick"][:, persona] > 0).all())
        assert bool((thinned["patient_sick"][:, LESION] != thinned["patient_healthy"][:, LESION]).all())


def test_pairs_of_another_vocabulary_are_refused(pairs: Path, tmp_path: Path) -> None:
    with np.load(pairs / "pairs-0000000.npz") as data:
        np.savez(tmp_path / "pairs-0000000.npz", **{**data, "fields": json.dumps({"mood": ["sad"]})})
    with pytest.raises(PipelineError, match="another vocabulary"):
        PairCache(tmp_path)
    with pytest.raises(PipelineError, match="render them first"):
        PairCache(tmp_path / "empty")


def test_weights_are_written_with_their_hash_and_refused_without(tmp_path: Path) -> None:
    net = tiny_net()
    digest = save_embedded(net, tmp_path, {"images_seen": 0})
    model = load_embedded(tmp_path)
    assert model.digest == digest
    blob = bytearray((tmp_path / "model.safetensors").read_bytes())
    blob[-1] ^= 1
    (tmp_path / "model.safetensors").write_bytes(bytes(blob))
    with pytest.raises(ModelError, match="SHA-256"):
        load_embedded(tmp_path)
    with pytest.raises(ModelError, match="cannot be read"):
        load_embedded(tmp_path / "nowhere")


def test_guidance_of_one_is_the_conditional_velocity_alone(tmp_path: Path) -> None:
    save_embedded(tiny_net(), tmp_path, {})
    model = load_embedded(tmp_path)
    z = torch.randn(1, 3, 128, 128, generator=torch.Generator().manual_seed(4))
    prompt = model.embed(ClinicalPrompt({"sex": "male"}))
    null = model.embed(ClinicalPrompt())
    assert null == EmbeddedPrompt((0,) * len(FIELDS))
    (plain,) = model.velocities([z], 0.5, [Branch(prompt)])
    (unconditional,) = model.velocities([z], 0.5, [Branch(null)])
    (guided,) = model.velocities([z], 0.5, [Branch(prompt, guidance_scale=3.0)])
    torch.testing.assert_close(guided, unconditional + 3 * (plain - unconditional), rtol=1e-2, atol=2e-2)
