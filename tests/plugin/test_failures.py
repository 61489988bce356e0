"""What breaks lets nothing out: weights gone or altered, a crash in the gate, a score that is no number."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from dicom_io.header import SiteKey
from pipeline.disease import Lesion
from pipeline.errors import ModelError
from pipeline.faces import FaceFinder, Recognisers
from pipeline.gate import Gate
from pipeline.packaged import DLIB_FIVE_POINTS, DLIB_RESNET, SFACE, TEXT_DETECTOR, TEXT_READER, YUNET
from pipeline.packaged import weights as package_weights
from pipeline.packaged.weights import PackageWeights
from pipeline.photograph import Findings, Photograph, Twins
from pipeline.text import TextFinder
from plugin.commands.demo_archive import Receiver
from plugin.config import Configuration
from plugin.ledger import State
from plugin.study import UNFORESEEN, stages
from tests.pipeline.gate_fakes import faked, gate_with
from tests.pipeline.rendered_faces import patient, stranger
from tests.plugin.conftest import wait_for
from tests.plugin.fakes import MirroringTwinMaker, photograph, save
from tests.plugin.node.test_node import finished, running, send

STUDY = "1.2.826.0.1.3680043.8.498.85"

USED_BY = {
    "YUNET": (YUNET, FaceFinder),
    "SFACE": (SFACE, Recognisers.load),
    "DLIB_RESNET": (DLIB_RESNET, Recognisers.load),
    "DLIB_FIVE_POINTS": (DLIB_FIVE_POINTS, Recognisers.load),
    "TEXT_DETECTOR": (TEXT_DETECTOR, TextFinder),
    "TEXT_READER": (TEXT_READER, TextFinder),
}


@pytest.mark.parametrize("harm", ["removed", "one bit altered", "cut short"])
@pytest.mark.parametrize("name", USED_BY)
def test_without_its_very_weights_nothing_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, harm: str
) -> None:
    weights, load = USED_BY[name]
    copy = tmp_path / Path(weights.path).name
    shutil.copyfile(weights.locate(), copy)
    if harm == "removed":
        copy.unlink()
    else:
        content = bytearray(copy.read_bytes())
        content[len(content) // 2] ^= 1
        copy.write_bytes(content if harm == "one bit altered" else content[:-1])

    class Elsewhere:
        """The installed package, its files in another folder."""

        def locate_file(self, path: str) -> Path:
            return copy if path == weights.path else real(weights_of[path]).locate_file(path)  # type: ignore[return-value]

    real = package_weights.metadata.distribution
    weights_of = {each.path: each.distribution for each, _ in USED_BY.values()}
    monkeypatch.setattr(package_weights.metadata, "distribution", lambda _: Elsewhere())
    with pytest.raises(ModelError, match=rf"{copy.name}.*install the (package|pinned)"):
        load()


class WithRealGate(MirroringTwinMaker):
    """Perfect twins, judged by the gate that comes with the product, one of its recognisers broken."""

    def __init__(self, gate: Gate) -> None:
        super().__init__()
        self._gate = gate

    def swap(self, photograph: Photograph, lesion: Lesion, persona_seed: bytes, attempt: int) -> Twins:
        super().swap(photograph, lesion, persona_seed, attempt)
        return Twins(lesion.put_on(stranger()), stranger())

    def judge(self, photograph: Photograph, twins: Twins) -> Findings:
        return self._gate.judge(photograph.rgb, twins.sick, photograph.hints)


@pytest.mark.parametrize(
    ("name", "answer", "said"),
    [
        ("dlib", float("nan"), "dlib-resnet gave a score that is not a number"),
        ("sface", RuntimeError("half way"), "the gate failed: RuntimeError"),
        ("", None, ""),
    ],
    ids=["NaN", "crash", "nothing broken"],
)
def test_a_gate_that_breaks_holds_everything_back_and_names_the_reason(
    configuration: Configuration, key: SiteKey, receiver: Receiver, tmp_path: Path,
    name: str, answer: float | Exception | None, said: str,
) -> None:  # fmt: skip
    both = Recognisers.load()
    gate = gate_with(both if answer is None else faked(both, name, says=answer))
    with running(configuration, key, WithRealGate(gate)) as node:
        send(node, save(photograph(STUDY, rgb=patient()), tmp_path / "in"))
        wait_for(lambda: finished(node, 1), 120)
        if not said:
            assert node.ledger.counts() == {State.PURGED: 1}, "whole, the same gate lets the same twin go"
            assert len(receiver.stored) == 4
            return
    (entry,) = node.quarantine.entries()
    assert (entry.refusal.stage, entry.refusal.error) == ("gate", "Undecided")
    assert said in entry.refusal.reason
    assert receiver.stored == []


def test_a_search_for_text_that_crashes_holds_everything_back(
    configuration: Configuration, key: SiteKey, receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> list[np.ndarray]:
        raise MemoryError

    monkeypatch.setattr(TextFinder, "find", crash)
    with running(configuration, key) as node:
        send(node, save(photograph(STUDY), tmp_path / "in"))
        wait_for(lambda: finished(node, 1))
    (entry,) = node.quarantine.entries()
    assert (entry.refusal.stage, entry.refusal.error) == ("clean", "Undecided")
    assert "search for text failed: MemoryError" in entry.refusal.reason
    assert receiver.stored == []


def test_a_record_of_text_that_is_lost_is_not_taken_for_no_text(
    configuration: Configuration, key: SiteKey, receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stages, "write_file", lambda path, content: None)
    with running(configuration, key) as node:
        send(node, save(photograph(STUDY), tmp_path / "in"))
        wait_for(lambda: finished(node, 1))
    (entry,) = node.quarantine.entries()
    assert entry.refusal.error == UNFORESEEN
    assert "there is no such file (FileNotFoundError)" in entry.refusal.reason
    assert receiver.stored == []


def test_the_names_that_are_tested_are_all_that_are_loaded() -> None:
    """A new weights file must be added above."""
    known = {name for name, value in vars(package_weights).items() if isinstance(value, PackageWeights)}
    assert known == set(USED_BY)
