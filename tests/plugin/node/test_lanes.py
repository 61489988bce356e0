"""What takes long takes no places of what does not, and a person's study goes before all."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from dicom_io.header import SiteKey
from dicom_io.reading import announced_pixels
from pipeline.disease import Lesion
from pipeline.photograph import Photograph, Twins
from plugin.config import Configuration
from plugin.ledger import State
from plugin.node import Node
from plugin.node.lanes import Lane, lane_of
from tests.plugin.conftest import wait_for
from tests.plugin.fakes import MirroringTwinMaker, photograph, save, skin
from tests.plugin.node.test_node import running, send

STUDY = "1.2.826.0.1.3680043.8.498.95"
LARGE = 1024


@pytest.mark.parametrize(
    ("urgent", "pixels", "lane"),
    [(True, 10**9, Lane.URGENT), (False, 99, Lane.SMALL), (False, 100, Lane.LARGE), (False, 10**9, Lane.LARGE)],
)
def test_a_study_waits_by_what_it_is(urgent: bool, pixels: int, lane: Lane) -> None:
    assert lane_of(urgent=urgent, pixels=pixels, large_pixels=100) is lane


def test_what_a_header_announces_is_told_without_decoding_and_damage_is_no_error(tmp_path: Path) -> None:
    path = save(photograph(STUDY, rgb=skin(64)), tmp_path)
    assert announced_pixels(path) == 64 * 64
    path.write_bytes(path.read_bytes()[:200])
    assert announced_pixels(path) == 0
    assert announced_pixels(tmp_path / "gone") == 0


class Sized(MirroringTwinMaker):
    """Says of which size each photograph was; ``on_heal(side)`` runs in each healing."""

    def __init__(self, on_heal: Callable[[int], None]) -> None:
        super().__init__()
        self.order: list[tuple[str, int]] = []
        self._on_heal = on_heal

    def heal(self, photograph: Photograph) -> Lesion:
        self.order.append(("heal", photograph.rgb.shape[0]))
        self._on_heal(photograph.rgb.shape[0])
        return super().heal(photograph)

    def swap(self, photograph: Photograph, lesion: Lesion, persona_seed: bytes, attempt: int) -> Twins:
        self.order.append(("swap", photograph.rgb.shape[0]))
        return super().swap(photograph, lesion, persona_seed, attempt)


def test_small_studies_are_begun_while_a_large_one_has_the_only_place_of_its_lane(
    configuration: Configuration, key: SiteKey, tmp_path: Path
) -> None:
    stated = {**configuration.model_dump(), "folder": configuration.folder}
    stated["study"] = {**stated["study"], "in_flight": 1}
    stated["worker"] = {**stated["worker"], "large_pixels": LARGE**2}
    let_go = threading.Event()
    twins = Sized(lambda side: let_go.wait() if side == LARGE else None)  # type: ignore[arg-type,func-returns-value]
    with running(Configuration.model_validate(stated), key, twins) as node:
        send(node, save(photograph(f"{STUDY}.1", rgb=skin(LARGE)), tmp_path / "in"))
        wait_for(lambda: twins.order == [("heal", LARGE)])
        for number in (2, 3):
            send(node, save(photograph(f"{STUDY}.{number}", number=number), tmp_path / "in"))
        # In one lane it would wait until the large one is done; here its first step waits for its turn alone.
        wait_for(lambda: waiting(node) == 1)
        let_go.set()
        wait_for(lambda: node.ledger.counts() == {State.PURGED: 3})
    assert sorted(twins.order) == sorted((step, side) for step in ("heal", "swap") for side in (96, 96, LARGE))


def waiting(node: Node) -> int:
    return node.jobs._turns.waiting()
