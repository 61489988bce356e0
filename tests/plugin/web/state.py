"""A site for tests of the page: a study that was delivered, one that waits, and photographs that are held.

Made by a node with a stand-in for its model, whose patients have the identifiers of ``tests.plugin.fakes``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher

from dicom_io.header import SiteKey, generate_key_file
from pipeline.errors import FaceSuspected, Rejected
from pipeline.photograph import Findings, Photograph, Twins
from plugin.auditing import AuditTrail
from plugin.commands.demo_archive import Receiver
from plugin.config import Configuration
from plugin.delivery import Deliveries
from plugin.ledger import State
from plugin.node import Node
from plugin.web import Desk, Users
from tests.plugin.conftest import wait_for
from tests.plugin.fakes import MirroringTwinMaker, photograph, save, skin
from tests.plugin.node.test_node import send

STUDY = "1.2.826.0.1.3680043.8.498.131"
PASSWORD = "a long enough password"
USERS = {"vera": "viewer", "rosa": "reviewer", "ada": "admin"}
PLACE = (30, 20, 60, 50)
"""Of what may be a face: left, top, right, bottom."""

SUSPECTED = (
    "something may be a face where the header lets expect none: "
    f"at x {PLACE[0]} to {PLACE[2]}, y {PLACE[1]} to {PLACE[3]} "
    "(detector 0.61, evidence +1.2; +1.0 is some, +3.0 much)"
)


class Particular(MirroringTwinMaker):
    """Suspects a face in photographs of 112 pixels, until a person rules it out; rejects the twins of those of 128."""

    def judge(self, photograph: Photograph, twins: Twins) -> Findings:
        side = photograph.rgb.shape[0]
        if side == 112 and not photograph.hints.face_ruled_out:
            raise FaceSuspected(SUSPECTED)
        if side == 128:
            raise Rejected("still the patient: SFace cosine 0.71, dlib distance 0.22, texture 0.80")
        return Findings(outcome="released", faces=1, sface_cosine=0.1, dlib_distance=0.8, ncc=0.2)


@dataclass(frozen=True)
class Site:
    """One node's configuration and key, and the node itself, which runs."""

    configuration: Configuration
    key: SiteKey
    node: Node
    folder: Path

    def desk(self, **page: Any) -> Desk:
        """A desk of this site, with other settings of [page] where a test names some."""
        section = self.configuration.page.model_validate({**self.configuration.page.model_dump(), **page})
        configuration = self.configuration.model_copy(update={"page": section})
        return Desk(configuration, self.key, AuditTrail(configuration))


def held(site: Site, error: str) -> list[str]:
    """Names of the entries that are held for that error."""
    return [entry.name for entry in site.node.quarantine.entries() if entry.refusal.error == error]


def hold_another(site: Site, number: int) -> str:
    """One more photograph is sent, in which something may be a face; the name of its entry."""
    before = set(held(site, "FaceSuspected"))
    send(
        site.node,
        save(photograph(f"{STUDY}.9.{number}", number=number, rgb=skin(112, seed=number)), site.folder / "in"),
    )
    wait_for(lambda: bool(set(held(site, "FaceSuspected")) - before))
    return (set(held(site, "FaceSuspected")) - before).pop()


def configured(folder: Path, archives: Mapping[str, Receiver], **sections: Any) -> Configuration:
    """A node of ``folder``, with a new key, that serves the started ``archives`` by their names."""
    generate_key_file(folder / "site.key")
    return Configuration.model_validate(
        {
            "folder": folder,
            "key_file": "site.key",
            "listener": {"port": 0, "processes": 1},
            "callers": [{"ae_title": "CAMERA", "network": "127.0.0.1/32"}],
            "destinations": [
                {"name": name, "ae_title": archive.ae_title, "host": "127.0.0.1", "port": archive.port}
                for name, archive in archives.items()
            ],
            "limits": {"min_free_bytes": 0},
            **sections,
        }
    )


@contextmanager
def quickly_signed_in_site(folder: Path, *, held_ones: int) -> Iterator[Site]:
    """``running_site`` whose passwords cost no time to hash."""
    quick = partial(PasswordHasher, time_cost=1, memory_cost=8, parallelism=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("plugin.web.users.PasswordHasher", quick)
        with running_site(folder, held_ones=held_ones) as site:
            yield site


@contextmanager
def running_site(folder: Path, *, held_ones: int = 3) -> Iterator[Site]:
    """The node, once one study is delivered, another waits for a destination that is paused, and so many are held."""
    folder.mkdir(parents=True, exist_ok=True)
    archives = {name: Receiver(folder / name) for name in ("archive", "research")}
    for archive in archives.values():
        archive.start()
    configuration = configured(
        folder,
        archives,
        study={"quiet_seconds": 0.4, "attempts": 1},
        retries={"attempts": 3, "first_wait_seconds": 0.2},
        page={"port": 1},
    )
    key = SiteKey.from_file(folder / "site.key")
    users = Users(configuration.state_folder)
    for name, role in USERS.items():
        users.add(name, role, PASSWORD)
    node = Node(configuration, key, Particular())
    node.start()
    site = Site(configuration, key, node, folder)
    try:
        send(node, save(photograph(f"{STUDY}.1"), folder / "in"))
        wait_for(lambda: node.ledger.counts().get(State.PURGED, 0) == 1)
        Deliveries(configuration).pause("research")
        sizes = [96, *[112] * (held_ones - 1), 128]
        for number, side in enumerate(sizes, start=2):
            rgb = skin(side, seed=number)
            send(node, save(photograph(f"{STUDY}.{number}", number=number, rgb=rgb), folder / "in"))
        wait_for(
            lambda: (
                node.ledger.counts().get(State.QUARANTINED, 0) == held_ones
                and node.ledger.counts().get(State.UNDELIVERED, 0) == 1
            )
        )
        yield site
    finally:
        node.stop()
        for archive in archives.values():
            archive.stop()
