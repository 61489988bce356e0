"""Banks of prompts: what was embedded once is read back, for its model alone, and the text encoders stay on disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import torch

from pipeline.errors import ModelError
from pipeline.models import Branch
from pipeline.models.published import PromptBank, describe_folder, load_model, prompt_bytes, write_bank
from pipeline.models.published import bank as bank_module

SENTENCES = ("", "a red rash.", "healthy skin.")


def written(folder: Path, path: Path) -> tuple[Any, str, int]:
    model, digest = load_model(folder), describe_folder(folder).digest()
    return model, digest, write_bank(path, model, digest, SENTENCES)


@pytest.mark.parametrize("name", ["sd3", "flux-dev", "klein-base", "z-image"])
def test_a_bank_stands_in_for_the_text_encoders(name: str, tiny_folder: Callable[[str], Path], tmp_path: Path) -> None:
    path = tmp_path / "bank.safetensors"
    with_encoders, digest, size = written(tiny_folder(name), path)
    assert size == path.stat().st_size
    without = load_model(tiny_folder(name), encoders=False)
    bank = PromptBank(path, digest, without.prompt_kind)
    without.remember({"": bank.prompt("")})
    for words in SENTENCES:
        ours, theirs = bank.prompt(words), with_encoders.embed(words)
        for each in fields(theirs):
            assert torch.equal(getattr(ours, each.name), getattr(theirs, each.name))
    z = with_encoders.encode(torch.zeros(1, 3, 64, 64))
    (expected,) = with_encoders.velocities([z], 0.5, [Branch(with_encoders.embed(SENTENCES[1]), 2.0)])
    (got,) = without.velocities([z], 0.5, [Branch(bank.prompt(SENTENCES[1]), 2.0)])
    assert torch.equal(got, expected)
    with pytest.raises(ModelError, match="bank"):
        without.embed("something else")


@pytest.fixture
def bank(sd3_folder: Path, tmp_path: Path) -> tuple[Path, Any, str]:
    path = tmp_path / "bank.safetensors"
    model, digest, _ = written(sd3_folder, path)
    return path, model, digest


def test_another_models_bank_is_refused(bank: tuple[Path, Any, str]) -> None:
    path, model, _ = bank
    with pytest.raises(ModelError, match="another model"):
        PromptBank(path, "ab" * 32, model.prompt_kind)


def test_a_bank_without_a_sentence_says_so_beforehand(bank: tuple[Path, Any, str]) -> None:
    path, model, digest = bank
    opened = PromptBank(path, digest, model.prompt_kind)
    opened.require(SENTENCES)
    with pytest.raises(ModelError, match=r"lacks 1 sentences.*made again"):
        opened.require([*SENTENCES, "blue skin."])
    with pytest.raises(ModelError, match="lacks"):
        opened.prompt("blue skin.")


@pytest.mark.parametrize("damage", ["missing", "cut", "nonsense", "not a number"])
def test_a_damaged_bank_is_refused(bank: tuple[Path, Any, str], damage: str) -> None:
    path, model, digest = bank
    content = path.read_bytes()
    if damage == "missing":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(content[:-9])
    elif damage == "nonsense":
        path.write_bytes(b"nonsense" * 100)
    else:
        path.write_bytes(content[:-4] + b"\xff\xff\xff\x7f")
    with pytest.raises(ModelError, match="bank of prompts"):
        [PromptBank(path, digest, model.prompt_kind).prompt(words) for words in SENTENCES]


def test_what_was_begun_and_not_finished_leaves_nothing(
    bank: tuple[Path, Any, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, model, digest = bank
    before = path.read_bytes()

    def fails(*_: object) -> int:
        raise OSError("no space left")

    monkeypatch.setattr(bank_module, "_write", fails)
    with pytest.raises(OSError, match="no space"):
        write_bank(path, model, digest, SENTENCES)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_its_size_is_known_beforehand(bank: tuple[Path, Any, str]) -> None:
    path, model, _ = bank
    assert 0 < path.stat().st_size - prompt_bytes(model.embed("")) * len(SENTENCES) < 10_000
