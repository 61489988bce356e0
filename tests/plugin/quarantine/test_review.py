"""Release and discard: by name and reason, on record first, and never a way around the gate."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from dicom_io.errors import LeakSuspected
from dicom_io.header import SiteKey
from pipeline.errors import FaceSuspected, NoFaceFound, Undecided
from pipeline.photograph import Findings, Photograph, Rgb
from plugin.commands.demo_archive import Receiver
from plugin.config import Configuration
from plugin.errors import AuditBroken, ReviewRefused
from plugin.ledger import Ledger, State
from plugin.node import Node
from plugin.quarantine import Quarantine, Review, outlook
from plugin.quarantine.review import MOST_RELEASES
from plugin.study import Refusal, stages
from tests.plugin.conftest import wait_for
from tests.plugin.fakes import MirroringTwinMaker, photograph, save, skin
from tests.plugin.node.test_node import finished, manifest_entries, running, send

STUDY = "1.2.826.0.1.3680043.8.498.83"
WHO = {"reviewer": "Dr. Marigold Ashdown", "reason": "a forearm, as anybody can see"}


class Doubtful(MirroringTwinMaker):
    """Finds no face or suspects one, and is content once the reviewer's word stands for it."""

    def __init__(self, doubt: type[Undecided] = NoFaceFound) -> None:
        super().__init__()
        self.doubt = doubt

    def judge(self, photograph: Photograph, sick_twin: Rgb) -> Findings:
        super().judge(photograph, sick_twin)
        if not photograph.hints.face_ruled_out:
            raise self.doubt("no face found, and the header says nothing of the view")
        return Findings(outcome="no-face", faces=0)


@pytest.fixture
def held(
    configuration: Configuration, key: SiteKey, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[tuple[Node, str]]:
    """A running node and the one entry that it holds back, for want of a face or what a test names."""
    with running(configuration, key, Doubtful(getattr(request, "param", NoFaceFound))) as node:
        send(node, save(photograph(STUDY), tmp_path / "in"))
        wait_for(lambda: finished(node, 1))
        (entry,) = node.quarantine.entries()
        yield node, entry.name


@pytest.mark.parametrize(
    ("held", "doubt"), [(doubt, doubt.__name__) for doubt in (NoFaceFound, FaceSuspected)], indirect=["held"]
)
def test_a_released_instance_goes_through_once_more_and_its_twins_leave(
    held: tuple[Node, str], configuration: Configuration, key: SiteKey, receiver: Receiver, doubt: str
) -> None:
    node, name = held
    assert receiver.stored == []
    review = Review(configuration.state_folder, key)
    assert review.release(name[:6], **WHO) == (doubt,)
    wait_for(lambda: node.ledger.counts() == {State.PURGED: 1})
    assert len(receiver.stored) == 4
    assert node.quarantine.entries() == []
    assert not list((configuration.state_folder / "spool").rglob("*.dcm"))
    first, second = sorted(manifest_entries(node), key=lambda entry: str(entry["outcome"]))
    assert (first["outcome"], first["waived"]) == ("quarantined", [])
    assert (second["outcome"], second["waived"]) == ("released", [doubt])
    (line,) = review.audit.read()
    assert (line["action"], line["entry"], line["waived"]) == ("release", name, doubt)
    assert (line["reviewer"], line["reason"]) == (WHO["reviewer"], WHO["reason"])
    assert (line["refused_stage"], line["refused_error"]) == ("gate", doubt)


def test_what_only_looks_like_a_leak_goes_on_a_reviewers_word_and_on_record(
    configuration: Configuration, key: SiteKey, receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def looks_like_one(*_: object, vouched: bool, **__: object) -> None:
        if not vouched:
            raise LeakSuspected(["(0019,1001) private"])

    monkeypatch.setattr(stages, "check_outgoing", looks_like_one)
    with running(configuration, key) as node:
        send(node, save(photograph(STUDY), tmp_path / "in"))
        wait_for(lambda: finished(node, 1))
        (entry,) = node.quarantine.entries()
        assert "(0019,1001) private" in entry.refusal.reason
        assert "reviewer" in outlook(entry.refusal)
        review = Review(configuration.state_folder, key)
        assert review.release(entry.name, **WHO) == ("LeakSuspected",)
        wait_for(lambda: node.ledger.counts() == {State.PURGED: 1})
    assert [line["waived"] for line in review.audit.read()] == ["LeakSuspected"]
    assert len(receiver.stored) == 4


def test_a_leak_is_waived_by_nobodys_word() -> None:
    assert "nothing waived" in outlook(Refusal("check", "LeakFound", ""))


@pytest.mark.parametrize("error", ["Rejected", "Conflict"])
def test_what_is_final_is_never_released(held: tuple[Node, str], key: SiteKey, error: str) -> None:
    node, name = held
    reason = node.quarantine.folder / name / "reason.json"
    stated = json.loads(reason.read_text())
    reason.write_text(json.dumps({**stated, "why": {**stated["why"], "error": error}}))
    review = Review(node.quarantine.folder.parent, key)
    with pytest.raises(ReviewRefused, match="cannot be released"):
        review.release(name, **WHO)
    assert review.audit.read() == []
    assert [entry.name for entry in node.quarantine.entries()] == [name]
    assert outlook(Refusal("gate", error, "")).startswith("never")


def test_a_rejected_twin_stays_where_it_is(
    configuration: Configuration, key: SiteKey, receiver: Receiver, tmp_path: Path
) -> None:
    with running(configuration, key, MirroringTwinMaker(refusals=3)) as node:
        send(node, save(photograph(STUDY), tmp_path / "in"))
        wait_for(lambda: finished(node, 1))
        with pytest.raises(ReviewRefused, match="still the patient"):
            Review(configuration.state_folder, key).release("", **WHO)
    with running(configuration, key, MirroringTwinMaker(refusals=3)) as node:  # nor does a restart send it
        assert node.ledger.counts() == {State.QUARANTINED: 1}
    assert receiver.stored == []


def test_a_person_decides_while_an_archive_is_down(
    configuration: Configuration, key: SiteKey, receiver: Receiver, tmp_path: Path
) -> None:
    """Of one study, one photograph is on its way for days and one is held: nobody has to wait for the archive."""
    port = receiver.port
    receiver.stop()
    tiny = photograph(STUDY, number=2, rgb=skin(1))
    with running(configuration, key) as node:
        send(node, *(save(image, tmp_path / "in") for image in (photograph(STUDY), tiny)))
        wait_for(lambda: node.ledger.counts() == {State.UNDELIVERED: 1, State.QUARANTINED: 1})
        Review(configuration.state_folder, key).release("", **WHO)
        wait_for(lambda: [entry.refusal.error for entry in node.quarantine.entries()] == ["UnusablePhotograph"])
        wait_for(lambda: node.ledger.counts() == {State.UNDELIVERED: 1, State.QUARANTINED: 1})
        Review(configuration.state_folder, key).discard("", **WHO)
        assert node.ledger.counts() == {State.UNDELIVERED: 1, State.DISCARDED: 1}
        receiver.start(port)
        wait_for(lambda: node.ledger.counts() == {State.PURGED: 1, State.DISCARDED: 1})
    assert len(receiver.stored) == 4


@pytest.mark.parametrize("state", [State.PURGED, State.DISCARDED])
def test_what_is_gone_is_made_again_only_on_a_person_s_word_and_under_new_uids(
    configuration: Configuration, key: SiteKey, receiver: Receiver, tmp_path: Path,
    caplog: pytest.LogCaptureFixture, state: State,
) -> None:  # fmt: skip
    path = save(photograph(STUDY), tmp_path / "in")
    review = Review(configuration.state_folder, key)
    with running(configuration, key, MirroringTwinMaker(refusals=3 if state is State.DISCARDED else 0)) as node:
        send(node, path)
        wait_for(lambda: finished(node, 1))
        if state is State.DISCARDED:
            review.discard("", **WHO)
        assert node.ledger.counts() == {state: 1}
        wait_for(lambda: bool(manifest_entries(node)))  # what is held back is held before the study's manifest is there
        (entry,) = manifest_entries(node)
    first = set(receiver.stored)
    digest = str(entry["source"])
    with running(configuration, key) as node:
        send(node, path)
        wait_for(lambda: "was sent again and is not kept" in caplog.text)
        assert digest in caplog.text
        assert node.ledger.counts() == {state: 1}
        with pytest.raises(ReviewRefused, match="at least 8"):
            review.reprocess(digest[:3], **WHO)
        with pytest.raises(ReviewRefused, match="unknown"):
            review.reprocess("0" * 32, **WHO)
        assert [row.digest for row in review.reprocess(digest[:12], **WHO)] == [digest]
        assert node.ledger.counts() == {State.WANTED: 1}
        send(node, path)
        wait_for(lambda: node.ledger.counts() == {State.PURGED: 1})
        send(node, path)
        assert node.ledger.counts() == {State.PURGED: 1}
    assert review.audit.read()[-1]["action"] == "reprocess"
    again = set(receiver.stored) - first
    assert len(again) == 4, "never other pixels under a UID that an archive knows"
    assert len(receiver.stored) == len(set(receiver.stored)) == len(first) + 4


def test_released_while_the_node_is_down_it_is_done_at_the_next_start(
    configuration: Configuration, key: SiteKey, receiver: Receiver, tmp_path: Path
) -> None:
    with running(configuration, key, Doubtful()) as node:
        send(node, save(photograph(STUDY), tmp_path / "in"))
        wait_for(lambda: finished(node, 1))
    Review(configuration.state_folder, key).release("", **WHO)
    with running(configuration, key, Doubtful()) as node:
        wait_for(lambda: node.ledger.counts() == {State.PURGED: 1})
    assert len(receiver.stored) == 4


def test_a_waiver_that_does_not_help_is_bounded(held: tuple[Node, str], key: SiteKey) -> None:
    """Once released for one check and refused for another, it is held anew, and not for ever."""
    node, name = held
    review = Review(node.quarantine.folder.parent, key)
    node.jobs._stages._twins.judge = lambda *_: (_ for _ in ()).throw(NoFaceFound("still"))  # type: ignore[attr-defined]
    for time in range(1, MOST_RELEASES + 1):
        review.release(name, **WHO)
        wait_for(lambda time=time: len(manifest_entries(node)) == time + 1 and finished(node, 1))
        assert [entry.name for entry in node.quarantine.entries()] == [name]
    with pytest.raises(ReviewRefused, match=f"{MOST_RELEASES} times already"):
        review.release(name, **WHO)


def test_discarded_it_is_gone_on_record_and_not_wanted_again(
    held: tuple[Node, str], key: SiteKey, receiver: Receiver, tmp_path: Path
) -> None:
    node, name = held
    review = Review(node.quarantine.folder.parent, key)
    assert review.discard(name, **WHO).name == name
    assert list(node.quarantine.folder.iterdir()) == []
    assert node.ledger.counts() == {State.DISCARDED: 1}
    assert [line["action"] for line in review.audit.read()] == ["discard"]
    (path,) = (tmp_path / "in").iterdir()
    send(node, path)
    assert node.ledger.counts() == {State.DISCARDED: 1}
    with pytest.raises(ReviewRefused, match="no entry"):
        review.discard(name, **WHO)
    assert receiver.stored == []


@pytest.mark.parametrize("missing", ["reviewer", "reason"])
def test_nobody_decides_without_a_name_and_a_reason(held: tuple[Node, str], key: SiteKey, missing: str) -> None:
    node, name = held
    review = Review(node.quarantine.folder.parent, key)
    for decide in (review.release, review.discard):
        with pytest.raises(ReviewRefused, match="name and a reason"):
            decide(name, **{**WHO, missing: "  "})
    assert [entry.name for entry in node.quarantine.entries()] == [name]


def test_nothing_is_decided_while_the_audit_log_cannot_be_written_or_trusted(
    held: tuple[Node, str], key: SiteKey
) -> None:
    node, name = held
    state = node.quarantine.folder.parent
    review = Review(state, key)
    (state / "audit.log").mkdir()
    with pytest.raises(OSError, match="directory"):
        review.release(name, **WHO)
    (state / "audit.log").rmdir()
    review.audit.add("release", entry="something earlier")
    (state / "audit.log").write_bytes((state / "audit.log").read_bytes().replace(b"earlier", b"else"))
    for decide in (review.release, review.discard):
        with pytest.raises(AuditBroken):
            decide(name, **WHO)
    assert [entry.name for entry in node.quarantine.entries()] == [name]
    assert node.ledger.counts() == {State.QUARANTINED: 1}


@pytest.mark.parametrize("cut_off_at", ["restore", "release", "remove"])
def test_cut_off_anywhere_a_release_loses_nothing(
    configuration: Configuration, key: SiteKey, receiver: Receiver, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, cut_off_at: str,
) -> None:  # fmt: skip
    class Killed(BaseException):
        pass

    def killed(*_: object, **__: object) -> None:
        raise Killed

    with running(configuration, key, Doubtful()) as node:
        send(node, save(photograph(STUDY), tmp_path / "in"))
        wait_for(lambda: finished(node, 1))
    review = Review(configuration.state_folder, key)
    patched = {"restore": (Quarantine, "restore"), "release": (Ledger, "release"), "remove": (Quarantine, "remove")}
    monkeypatch.setattr(*patched[cut_off_at], killed)
    with pytest.raises(Killed):
        review.release("", **WHO)
    monkeypatch.undo()
    if cut_off_at != "remove":
        assert len(review.quarantine.entries()) == 1
        review.release("", **WHO)
    with running(configuration, key, Doubtful()) as node:
        wait_for(lambda: node.ledger.counts() == {State.PURGED: 1})
        assert node.quarantine.entries() == []
    assert len(receiver.stored) == 4


def test_another_key_opens_nothing(held: tuple[Node, str]) -> None:
    node, name = held
    with pytest.raises(Exception, match="another key"):
        Review(node.quarantine.folder.parent, SiteKey(os.urandom(32))).release(name, **WHO)
    assert [entry.name for entry in node.quarantine.entries()] == [name]
    assert node.ledger.counts() == {State.QUARANTINED: 1}
