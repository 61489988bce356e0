"""Options that trade something for speed or memory: what they change, and that a default changes little."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from pipeline.errors import ModelError
from pipeline.models.published import flow, quantising
from pipeline.models.published.folder import load_model
from pipeline.models.published.quantising import COST_DA, PRECISIONS, TRAINED_DA, precision_for
from scripts.lossy_options import difference, edited_a, healed_a

MOST_OF_A_DEFAULT = 0.3
KINDS = ["sd3", "flux-dev", "klein", "z-image"]

needs_torchao = pytest.mark.skipif(importlib.util.find_spec("torchao") is None, reason="torchao is not installed")


@pytest.fixture(autouse=True)
def library_warnings() -> Iterator[None]:
    """torchao and dynamo speak of their own future; nothing of ours may."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=FutureWarning)
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        warnings.filterwarnings("ignore", category=UserWarning)
        yield


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("precision", ["bfloat16", "float16", pytest.param("int8", marks=needs_torchao)])
def test_a_narrower_precision_costs_no_more_than_it_says(
    kind: str, precision: str, tiny_folder: Callable[[str], Path]
) -> None:
    exact = edited_a(load_model(tiny_folder(kind)))
    coarse = edited_a(load_model(tiny_folder(kind), precision=precision))

    assert 0.0 < difference(exact, coarse) <= COST_DA[precision]


@needs_torchao
def test_int8_keeps_a_byte_a_weight(tiny_folder: Callable[[str], Path]) -> None:
    linear = [
        each
        for each in load_model(tiny_folder("sd3"), precision="int8").transformer.modules()
        if isinstance(each, torch.nn.Linear)
    ]

    assert linear and all("int8" in repr(each.weight).lower() for each in linear)


def test_tiles_cost_no_more_than_they_say(tiny_folder: Callable[[str], Path]) -> None:
    exact, tiled = (edited_a(load_model(tiny_folder("sd3"), tiled=tiled)) for tiled in (False, True))

    assert 0.0 < difference(exact, tiled) <= COST_DA["tiled"]


def test_a_compiled_network_gives_the_same_picture(
    tiny_folder: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Traced and lowered as ever, but run without C++: that the graph is the network's is what can go wrong."""
    monkeypatch.setattr(flow, "COMPILER", "aot_eager")
    exact, compiled = (edited_a(load_model(tiny_folder("sd3"), compiled=compiled)) for compiled in (False, True))

    assert difference(exact, compiled) <= COST_DA["compiled"]


def test_offloaded_networks_are_on_the_device_only_while_they_work(
    tiny_folder: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    exact = edited_a(load_model(tiny_folder("sd3")))
    model = load_model(tiny_folder("sd3"), offload=True)
    moves: list[tuple[str, str]] = []
    to = torch.nn.Module.to

    def recorded(network: torch.nn.Module, *where: Any, **named: Any) -> Any:
        moves.append((type(network).__name__, str(where[0])))
        return to(network, *where, **named)

    monkeypatch.setattr(torch.nn.Module, "to", recorded)
    monkeypatch.setattr(type(model.transformer), "to", recorded, raising=False)

    offloaded = edited_a(model)

    assert torch.equal(exact, offloaded)
    transformer = type(model.transformer).__name__
    assert sum(1 for name, _ in moves if name == transformer) == 2 * 3, "there and back in each of three steps"


@pytest.mark.parametrize("patient", ["kwabena-acne", "anselm-forearm"])
def test_a_trained_healer_loses_little_in_bfloat16(patient: str, sample_studies: Path) -> None:
    path = sample_studies / patient / "photograph.dcm"

    assert 0.0 < difference(healed_a(path, exact=True), healed_a(path, exact=False)) <= TRAINED_DA["bfloat16"]


def test_defaults_cost_little() -> None:
    for device in ("cpu", "cuda"):
        default = precision_for(None, torch.device(device))
        assert TRAINED_DA[default.name] <= MOST_OF_A_DEFAULT
    assert set(PRECISIONS) <= set(COST_DA)


def test_what_cannot_be_had_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu, card = torch.device("cpu"), torch.device("cuda")
    with pytest.raises(ModelError, match="say one of float32, bfloat16"):
        precision_for("float8", cpu)
    monkeypatch.setattr(quantising.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match="needs torchao"):
        precision_for("int8", cpu)
    monkeypatch.setattr(quantising.importlib.util, "find_spec", lambda name: object())
    with pytest.raises(ModelError, match="needs a CUDA card"):
        precision_for("fp8", cpu)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (8, 6))
    with pytest.raises(ModelError, match=r"needs compute capability \(8, 9\), cuda has \(8, 6\)"):
        precision_for("fp8", card)
    assert precision_for("int8", card).weights == "int8"
