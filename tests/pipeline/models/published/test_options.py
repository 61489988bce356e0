"""Options that trade something for speed or memory: what they change, and that a default changes little."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from skimage.color import rgb2lab

from pipeline.edits import flow_edit
from pipeline.errors import ModelError
from pipeline.models import Branch, rgb_from_pixels
from pipeline.models.published import flow, quantising
from pipeline.models.published.folder import load_model
from pipeline.models.published.quantising import COST_DA, PRECISIONS, precision_for

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


def healed_a(model: Any) -> torch.Tensor:
    """The a* of a picture after an edit, the same noise each time."""
    pixels = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(4)) * 2 - 1
    noise = torch.Generator().manual_seed(5)
    branches = [Branch(model.embed("a red rash."), 1.0), Branch(model.embed("no rash."), 2.0)]
    (edited,) = flow_edit(
        model, model.encode(pixels), branches[0], branches[1:], sigma_start=0.9, steps=3, generator=noise
    )
    return torch.from_numpy(rgb2lab(rgb_from_pixels(model.decode(edited)))[..., 1])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("precision", ["bfloat16", "float16", pytest.param("int8", marks=needs_torchao)])
def test_a_narrower_precision_costs_no_more_than_it_says(
    kind: str, precision: str, tiny_folder: Callable[[str], Path]
) -> None:
    exact = healed_a(load_model(tiny_folder(kind)))
    coarse = healed_a(load_model(tiny_folder(kind), precision=precision))

    assert 0.0 < float((exact - coarse).abs().mean()) <= COST_DA[precision]


@needs_torchao
def test_int8_keeps_a_byte_a_weight(tiny_folder: Callable[[str], Path]) -> None:
    linear = [
        each
        for each in load_model(tiny_folder("sd3"), precision="int8").transformer.modules()
        if isinstance(each, torch.nn.Linear)
    ]

    assert linear and all("int8" in repr(each.weight).lower() for each in linear)


def test_tiles_cost_no_more_than_they_say(tiny_folder: Callable[[str], Path]) -> None:
    exact, tiled = (healed_a(load_model(tiny_folder("sd3"), tiled=tiled)) for tiled in (False, True))

    assert 0.0 < float((exact - tiled).abs().mean()) <= COST_DA["tiled"]


def test_a_compiled_network_gives_the_same_picture(
    tiny_folder: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Traced and lowered as ever, but run without C++: that the graph is the network's is what can go wrong."""
    monkeypatch.setattr(flow, "COMPILER", "aot_eager")
    exact, compiled = (healed_a(load_model(tiny_folder("sd3"), compiled=compiled)) for compiled in (False, True))

    assert float((exact - compiled).abs().mean()) <= COST_DA["compiled"]


def test_offloaded_networks_are_on_the_device_only_while_they_work(
    tiny_folder: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    exact = healed_a(load_model(tiny_folder("sd3")))
    model = load_model(tiny_folder("sd3"), offload=True)
    moves: list[tuple[str, str]] = []
    to = torch.nn.Module.to

    def recorded(network: torch.nn.Module, *where: Any, **named: Any) -> Any:
        moves.append((type(network).__name__, str(where[0])))
        return to(network, *where, **named)

    monkeypatch.setattr(torch.nn.Module, "to", recorded)
    monkeypatch.setattr(type(model.transformer), "to", recorded, raising=False)

    offloaded = healed_a(model)

    assert torch.equal(exact, offloaded)
    transformer = type(model.transformer).__name__
    assert sum(1 for name, _ in moves if name == transformer) == 2 * 3, "there and back in each of three steps"


def test_defaults_cost_little() -> None:
    for device in ("cpu", "cuda"):
        default = precision_for(None, torch.device(device))
        assert COST_DA[default.name] <= MOST_OF_A_DEFAULT
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
