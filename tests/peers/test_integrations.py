"""The files of ``twinveil integrations write`` in a real Orthanc: out and back, killed in between, no loop."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydicom.uid import (
    DermoscopicPhotographyImageStorage,
    SegmentationStorage,
    VLPhotographicImageStorage,
    generate_uid,
)

from plugin.config import load_configuration
from plugin.integrations import Site, site_of, write_integration
from tests.peers import missing_peer
from tests.peers.dcmtk import storescu
from tests.peers.node import make_node
from tests.peers.orthanc import AE_TITLE, Orthanc, install_orthanc
from tests.peers.processes import LOOPBACK, PATIENCE, end_of, free_port, wait_until
from tests.peers.stand_in_node import RESULTS, StandInNode, made_up, saved

pytestmark = [pytest.mark.peers, pytest.mark.slow]

PLUGINS = Path("/usr/share/orthanc/plugins")
ENTRY = "4971"
PER_STUDY = 3
"""Instances of a study, one of which the node does not take."""


def plugin_file(name: str) -> str:
    path = PLUGINS / name
    return str(path) if path.is_file() else str(missing_peer(f"Orthanc's {name}"))


@dataclass
class Bench:
    """One Orthanc with an integration, and the port of the node that it is to send to."""

    name: str
    folder: Path
    node_port: int = field(default_factory=free_port)
    archive: Orthanc = field(init=False)
    stand_in: StandInNode | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.archive = install_orthanc(self.folder / "orthanc", StableAge=1)

    def install(self, now: datetime, **settings: Any) -> None:
        """Write the files of the integration and configure Orthanc with them. ``settings``: of section Twinveil."""
        write_integration(self.name, self.site, self.folder / "files", now=now)
        written = json.loads((self.folder / "files" / "twinveil.json").read_text())
        written["Twinveil"] |= {"FirstWaitSeconds": 0.1} | settings
        plugins = [plugin_file("libOrthancDicomWeb.so")]
        if self.name == "orthanc":
            plugins.append(plugin_file("libOrthancPython.so"))
        install_orthanc(self.archive.folder, self.archive, StableAge=1, Plugins=plugins, **written)

    @property
    def site(self) -> Site:
        return Site("TWINVEIL", LOOPBACK, self.node_port, False, "TWINVEIL", "archive", AE_TITLE, AE_TITLE)

    def node(self, *, returns: bool = True) -> StandInNode:
        self.stand_in = StandInNode(self.node_port, self.archive.dicom_port, self.folder / "node", returns=returns)
        return self.stand_in

    def send(self, *, stow: bool = False) -> set[str]:
        """A new study to Orthanc; SOP Instance UIDs of those that the node takes."""
        study = generate_uid()
        classes = [VLPhotographicImageStorage, DermoscopicPhotographyImageStorage, SegmentationStorage]
        datasets = [made_up(sop_class, study) for sop_class in classes]
        assert len(datasets) == PER_STUDY
        paths = [saved(dataset, self.folder) for dataset in datasets]
        if stow:
            self.stow(paths)
        else:
            sent = storescu(paths, self.archive.dicom_port, called=AE_TITLE)
            assert sent.returncode == 0, sent.stderr
        return {str(dataset.SOPInstanceUID) for dataset in datasets[:-1]}

    def stow(self, paths: list[Path]) -> None:
        head = b"--part\r\nContent-Type: application/dicom\r\n\r\n"
        body = b"".join(head + path.read_bytes() + b"\r\n" for path in paths) + b"--part--"
        self.archive.post("/dicom-web/studies", body, 'multipart/related; type="application/dicom"; boundary=part')

    def held(self) -> int:
        return len(self.archive.instances())

    def wait_for(self, instances: int) -> None:
        wait_until(
            lambda: self.held() >= instances, PATIENCE,
            lambda: f"{instances} instances in Orthanc\n{self.what_is_missing()}",
        )  # fmt: skip

    def wait_until_all_was_looked_at(self, but: str = "") -> None:
        """Every study, results among them, is marked as done: what would be sent again by now was."""
        wait_until(
            lambda: all(self.is_done(study) for study in self.archive.get("/studies") if study != but), PATIENCE,
            lambda: f"every study is marked\n{self.what_is_missing()}",
        )  # fmt: skip

    def what_is_missing(self) -> str:
        """For a failure: what is in Orthanc and what became of it, with the end of Orthanc's log."""
        held = self.archive.get("/instances?expand")
        there = {instance["MainDicomTags"]["SOPInstanceUID"] for instance in held}
        lines = [f"it holds {len(there)} instances"]
        if self.stand_in is not None:
            lines.append(f"the node took {dict(self.stand_in.took)}")
            results = {uid for made in self.stand_in.made.values() for uid in made}
            lines += [f"not on the node: {uid}" for uid in sorted(there - results - self.stand_in.took.keys())]
            for uid, made in self.stand_in.made.items():
                if not there.issuperset(made):
                    lines.append(f"of {uid} came back {len(there.intersection(made))} results of {len(made)}")
        unmarked = [study for study in self.archive.get("/studies") if not self.is_done(study)]
        return "\n".join([*lines, f"studies not marked: {unmarked}", end_of(self.archive.folder / "orthanc.log")])

    def is_done(self, study: str) -> bool:
        metadata = self.archive.get(f"/studies/{study}/metadata?expand")
        return bool(metadata.get(ENTRY) == metadata["LastUpdate"])


@pytest.fixture(params=["orthanc", "orthanc-lua"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Bench:
    return Bench(request.param, tmp_path)


@pytest.fixture
def python_bench(tmp_path: Path) -> Iterator[Bench]:
    """The Python plugin in a running Orthanc that waits long before it tries again."""
    bench = Bench("orthanc", tmp_path)
    bench.install(datetime.now(UTC), FirstWaitSeconds=3600, LongestWaitSeconds=3600)
    with bench.archive.running():
        yield bench


def out_and_back(bench: Bench, studies: int) -> None:
    """``studies`` through Orthanc, the node and back, with Orthanc killed within a store, and what is left of that."""
    with bench.archive.running():  # before there was any integration: is not sent by itself, ever
        sent = storescu([saved(made_up(VLPhotographicImageStorage, generate_uid()), bench.folder)],
                        bench.archive.dicom_port, called=AE_TITLE)  # fmt: skip
        assert sent.returncode == 0, sent.stderr
        (old,) = bench.archive.get("/studies")
        received = bench.archive.get(f"/studies/{old}")["LastUpdate"]
    wait_until(lambda: datetime.now(UTC).strftime("%Y%m%dT%H%M%S") > received, PATIENCE, "the next second")
    bench.install(datetime.now(UTC))

    originals: set[str] = set()
    with bench.node() as node:
        with bench.archive.running() as process:
            all_sent = threading.Event()

            def kill(number: int) -> None:
                if number == studies:  # of twice as many photographs
                    all_sent.wait()
                    process.kill()

            node.on_store = kill
            for number in range(studies):
                originals |= bench.send(stow=bool(number % 2))
            all_sent.set()
            wait_until(lambda: process.poll() is not None, PATIENCE, "the kill")
        before = set(node.took)
        assert len(before) < len(originals)
        with bench.archive.running():
            bench.wait_for(1 + studies * PER_STUDY + len(originals) * len(RESULTS))
            bench.wait_until_all_was_looked_at(but=old)
            held = bench.held()
    # None missing, none that is not the node's business, and no result of its own.
    assert node.took.keys() == originals
    # None twice, but for those under way at the kill: by the script again, and by the job that Orthanc took up again.
    assert {uid for uid, times in node.took.items() if times > 1} <= before
    assert max(node.took.values()) <= 3
    assert held == 1 + studies * PER_STUDY + len(originals) * len(RESULTS)


def test_studies_go_out_and_back_though_orthanc_is_killed(bench: Bench) -> None:
    out_and_back(bench, studies=4)


def test_a_photograph_that_the_node_refuses_holds_up_no_other(bench: Bench) -> None:
    """Not even where nothing more comes in that would have Orthanc try again."""
    bench.install(datetime.now(UTC))
    refused: list[str] = []

    def refuses(uid: str) -> bool:
        """The one that is offered first, each time that it is offered."""
        if not refused:
            refused.append(uid)
        return uid == refused[0]

    with bench.node() as node, bench.archive.running():
        node.refuses = refuses
        photographs = bench.send()
        bench.wait_for(PER_STUDY + (len(photographs) - 1) * len(RESULTS))
    assert node.took.keys() == photographs - set(refused)


def test_what_says_that_it_is_derived_is_not_sent_by_whatever_way_it_came(bench: Bench) -> None:
    """By STOW-RS nothing tells where it came from, and a result may be of a class that the node takes."""
    bench.install(datetime.now(UTC))
    study = generate_uid()
    twin = made_up(VLPhotographicImageStorage, study, derived=True)
    removed = made_up(VLPhotographicImageStorage, study)
    removed.PatientIdentityRemoved = "YES"
    enhanced = made_up(VLPhotographicImageStorage, study, derived=True)
    del enhanced.PatientIdentityRemoved
    with bench.node() as node, bench.archive.running():
        bench.stow([saved(each, bench.folder) for each in (twin, removed, enhanced)])
        # By C-STORE from the node's title not even what looks like an original.
        original = saved(made_up(VLPhotographicImageStorage, generate_uid()), bench.folder)
        assert storescu([original], bench.archive.dicom_port, calling="TWINVEIL", called=AE_TITLE).returncode == 0
        taken = bench.send()
        bench.wait_for(4 + PER_STUDY + len(taken) * len(RESULTS))
        bench.wait_until_all_was_looked_at()
    assert node.took.keys() == taken


def test_a_node_that_was_away_gets_what_waited_at_the_press_of_the_button(python_bench: Bench) -> None:
    bench = python_bench
    taken = bench.send()
    wait_until(lambda: bool(bench.archive.get("/twinveil")["waiting"]), PATIENCE, "a study that waits")
    wait_until(lambda: bench.archive.get("/twinveil")["waiting"][0]["failures"] > 0, PATIENCE, "a try that failed")
    (waiting,) = bench.archive.get("/twinveil")["waiting"]
    assert waiting["reason"]
    assert waiting["seconds"] > 60
    button = f"/twinveil/studies/{waiting['study']}"
    assert bench.archive.get(button) == {"photographs": len(taken), "sent": 0}
    with bench.node(returns=False) as node:
        assert bench.archive.post(button, b"") == {"photographs": len(taken), "sent": 0}
        wait_until(lambda: not bench.archive.get("/twinveil")["waiting"], PATIENCE, "nothing waits")
    assert node.took.keys() == taken
    assert bench.archive.get(button) == {"photographs": len(taken), "sent": len(taken)}
    # What the button does in a browser is this script's, which Orthanc serves.
    served = bench.archive.get_bytes("/plugins/explorer.js").decode()
    assert "'../twinveil/studies/' + $.mobile.pageData.uuid" in served
    assert "button.insertBefore($('#study-delete')" in served
    assert b'id="study-delete"' in bench.archive.get_bytes("/app/explorer.html")


@pytest.mark.many
def test_twenty_studies_go_out_and_back_though_orthanc_is_killed(bench: Bench) -> None:
    out_and_back(bench, studies=20)


@pytest.mark.many
def test_a_study_goes_through_the_node_itself_and_comes_back(bench: Bench, sample_studies: Path) -> None:
    """As a site would have it: the node's own configuration, its files in Orthanc, a photograph uploaded by hand."""
    node = make_node(bench.folder / "twinveil", destination_port=bench.archive.dicom_port)
    node.configuration.write_text(node.configuration.read_text().replace('"CAMERA"', f'"{AE_TITLE}"'))
    bench.node_port = node.port
    site = site_of(load_configuration(node.configuration))
    assert site == bench.site
    bench.install(datetime.now(UTC))
    with node.running(), bench.archive.running():
        bench.archive.post("/instances", (sample_studies / "anselm-forearm" / "photograph.dcm").read_bytes())
        bench.wait_for(1 + len(RESULTS))
        bench.wait_until_all_was_looked_at()
        assert bench.held() == 1 + len(RESULTS)
        assert len(bench.archive.get("/studies")) == 2
