"""What happens in a node is reported in the words of DICOM, to a syslog server, and names nobody."""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from dicom_io.errors import DeliveryFailed
from dicom_io.header import SiteKey
from dicom_io.receiving import RefusedCall, RefusedFor
from dicom_io.sending import Destination, deliver
from plugin.auditing import AuditTrail, events
from plugin.auditing.messages import Code
from plugin.commands.demo_archive import Receiver
from plugin.commands.quarantine import show_entry
from plugin.config import Configuration
from plugin.intake import Intake
from plugin.ledger import State
from plugin.node import Node
from plugin.observer import Observers
from plugin.quarantine import Review
from tests.certificates import Authority
from tests.plugin import fakes
from tests.plugin.auditing.syslog_server import SyslogServer, serving
from tests.plugin.conftest import wait_for
from tests.plugin.fakes import MirroringTwinMaker, photograph, save, skin

STUDY = "1.2.826.0.1.3680043.8.498.95"
WHO = {"reviewer": "Dr. Marigold Ashdown", "reason": f"she is {fakes.PATIENT_NAME}, and shows no lesion"}
SCHEMA = etree.RelaxNG(etree.parse(Path(__file__).with_name("audit_message.rng")))

START, STOP, BEGIN, ACCESSED, TRANSFERRED, EXPORT, ALERT = (
    "110120", "110121", "110102", "110103", "110104", "110106", "110113",
)  # fmt: skip


def audited(configuration: Configuration, **audit: Any) -> Configuration:
    section = configuration.audit.model_validate({"host": "127.0.0.1", "transport": "tcp", **audit})
    return configuration.model_copy(update={"audit": section})


def codes(server: SyslogServer) -> list[str]:
    """What came, by event; starts and stops by their kind."""
    found = []
    for message in server.messages():
        event = message.find("EventIdentification")
        code, kind = event.find("EventID").get("csd-code"), event.find("EventTypeCode")
        found.append(str(kind.get("csd-code") if code == "110100" else code))
    return found


def send(node: Node, *paths: Path, calling: str = "CAMERA") -> None:
    deliver(paths, Destination("node", "127.0.0.1", node.listener.port, "TWINVEIL", calling_ae_title=calling))


def test_the_life_of_a_study_is_reported_and_names_nobody(
    configuration: Configuration, key: SiteKey, receiver: Receiver, tmp_path: Path
) -> None:
    with serving() as server:
        patient = audited(configuration, port=server.port, site="site 7")
        observers, trail = Observers(), AuditTrail(patient)
        intake = Intake(patient, key, observers)
        observers.add(trail)
        node = Node(patient, key, MirroringTwinMaker(), intake=intake)
        node.start()
        trail.start()
        try:
            send(node, *(save(photograph(STUDY, number=n, rgb=skin(1) if n == 2 else None), tmp_path / "in")
                         for n in (1, 2)))  # fmt: skip
            for _ in range(2):
                with pytest.raises(DeliveryFailed):
                    send(node, *(tmp_path / "in").iterdir(), calling="STRANGER")
            wait_for(lambda: node.ledger.counts() == {State.PURGED: 1, State.QUARANTINED: 1})
            (entry,) = node.quarantine.entries()
            Review(patient.state_folder, key, trail=trail).discard(entry.name, **WHO)
            trail.reviewed("look", "somebody", entry.study)
        finally:
            node.stop()
            trail.stop()
        wait_for(lambda: STOP in codes(server))
        said = codes(server)
        assert (said[0], said[-1]) == (START, STOP)
        # The stranger called twice and is reported once; each transfer begins and ends, in and out.
        assert {code: said.count(code) for code in (BEGIN, TRANSFERRED, EXPORT, ALERT, ACCESSED)} == {
            BEGIN: 2, TRANSFERRED: 2, EXPORT: 1, ALERT: 1, ACCESSED: 2,
        }  # fmt: skip
        messages = dict(zip(said, server.messages(), strict=True))
        for message in server.messages():
            SCHEMA.assertValid(message)
            assert message.find("AuditSourceIdentification").get("AuditEnterpriseSiteID") == "site 7"
        study = entry.study
        assert study in etree.tostring(messages[EXPORT], encoding="unicode")
        assert messages[EXPORT].findtext(".//Anonymized") == "true"
        assert messages[EXPORT].find(".//SOPClass").get("NumberOfInstances") == "4"
        assert messages[ALERT].xpath("string(ActiveParticipant[2]/@UserID)") == "STRANGER"
        came = next(one for one in server.messages() if one.xpath("EventIdentification/EventID/@csd-code='110104' and "
                    "ActiveParticipant[1]/@UserID='CAMERA'"))  # fmt: skip
        assert came.find(".//SOPClass").get("NumberOfInstances") == "2"
        reviewers = {one.xpath("string(ActiveParticipant[1]/@UserID)"): one for one in server.messages()}
        assert reviewers[WHO["reviewer"]].find("EventIdentification").get("EventActionCode") == "D"
        assert reviewers["somebody"].find("EventIdentification").get("EventActionCode") == "R"
        for identifier in (fakes.PATIENT_NAME, fakes.PATIENT_ID, fakes.BIRTH_DATE, STUDY, "ACC-55120", "Gwendolyn"):
            assert identifier.encode() not in b"".join(server.received)


def test_who_looks_at_an_entry_is_reported(
    configuration: Configuration, key: SiteKey, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    quarantined = configuration.state_folder / "quarantine" / "0123-4567"
    quarantined.mkdir(parents=True)
    (quarantined / "reason.json").write_text(
        '{"source": "0123", "study": "89ab", "since": "", "why": {"stage": "read", "error": "E", "reason": "r"}}'
    )
    with serving() as server:
        (tmp_path / "twinveil.toml").write_text(
            f'state = "{configuration.state_folder}"\n[audit]\nhost = "127.0.0.1"\ntransport = "tcp"\n'
            f"port = {server.port}\n"
        )
        with pytest.raises(BaseException, match="0"):  # typer ends every command so
            show_entry("0123", tmp_path / "twinveil.toml", False)
        trail = AuditTrail(audited(configuration, port=server.port))
        trail.start()
        trail.stop()
        wait_for(lambda: STOP in codes(server))
        assert codes(server)[:1] == [ACCESSED]
        assert b"study 89ab" in server.received[0]


def test_messages_wait_on_disk_while_the_server_is_away_and_none_is_lost(configuration: Configuration) -> None:
    with serving() as server:
        port = server.port
    trail = AuditTrail(audited(configuration, port=port))
    trail.start()
    folder = configuration.state_folder / "audit"
    for number in range(5):
        trail.released(f"study-{number}", 4, ["archive"])
    assert len(list(folder.glob("*.msg"))) == 6
    # Another process of the same node, after a kill: what lies there goes first.
    with serving(port=port) as server:
        trail.released("study-5", 4, ["archive"])
        wait_for(lambda: len(server.received) == 7 and not list(folder.glob("*.msg")))
        assert codes(server) == [START, *[EXPORT] * 6]
        trail.stop()


def test_the_spool_is_bounded_and_what_is_lost_is_reported(configuration: Configuration) -> None:
    with serving() as server:
        port = server.port
    patient = audited(configuration, port=port, most_waiting=100)
    trail = AuditTrail(patient)
    for number in range(110):
        trail.released(f"study-{number}", 4, ["archive"])
    folder = configuration.state_folder / "audit"
    assert len(list(folder.glob("*.msg"))) == 100
    with serving(port=port) as server:
        trail.start()  # the start itself finds no room
        wait_for(lambda: len(server.received) == 100)
        wait_for(lambda: not list(folder.glob("*.msg")))
        trail.released("study", 4, ["archive"])
        wait_for(lambda: len(server.received) == 102)
        trail.stop()
        alert = server.messages()[100]
        SCHEMA.assertValid(alert)
        assert alert.find("EventIdentification/EventTypeCode").get("csd-code") == "110133"
        assert alert.find("EventIdentification").get("EventOutcomeIndicator") == "8"


def test_of_several_processes_one_sends_for_all_and_another_goes_on_when_it_ends(configuration: Configuration) -> None:
    with serving() as server:
        first, second = (AuditTrail(audited(configuration, port=server.port)) for _ in range(2))
        first.start()
        wait_for(lambda: codes(server) == [START])
        second.start()
        wait_for(lambda: codes(server) == [START, START])
        assert server.connections == 1
        first.stop()
        wait_for(lambda: codes(server) == [START, START, STOP])
        second.released("study", 4, ["archive"])
        wait_for(lambda: len(server.received) == 4)
        assert server.connections == 2
        second.stop()


def test_over_tls_the_server_must_be_trusted_and_may_want_a_certificate(
    configuration: Configuration, tmp_path: Path
) -> None:
    authority, other = Authority(tmp_path / "authority"), Authority(tmp_path / "other")
    theirs, ours = authority.identity("server"), authority.identity("node")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(theirs.certificate, theirs.key)
    context.load_verify_locations(authority.root)
    context.verify_mode = ssl.CERT_REQUIRED
    tls = {"transport": "tls", "certificate": str(ours.certificate), "key": str(ours.key)}
    with serving(context) as server:
        wary = AuditTrail(audited(configuration, port=server.port, **tls, authorities=str(other.root)))
        wary.start()
        wary.stop()
        assert not server.received
        trail = AuditTrail(audited(configuration, port=server.port, **tls, authorities=str(authority.root)))
        trail.start()
        wait_for(lambda: codes(server) == [START, STOP, START])
        trail.stop()
        wait_for(lambda: len(server.received) == 4)


def test_datagrams_carry_one_message_each(configuration: Configuration) -> None:
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(60)
        trail = AuditTrail(audited(configuration, port=receiver.getsockname()[1], transport="udp"))
        trail.start()
        assert receiver.recv(65536).startswith(b"<85>1 ")
        trail.stop()
        assert b"110121" in receiver.recv(65536)


def test_who_is_refused_by_title_address_or_certificate_is_reported_once_a_minute(
    configuration: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    trail = AuditTrail(audited(configuration))
    now = [1000.0]
    monkeypatch.setattr("plugin.auditing.trail.time.monotonic", lambda: now[0])
    folder = configuration.state_folder / "audit"

    def waiting() -> int:
        return len(list(folder.glob("*.msg")))

    for reason in RefusedFor:
        trail.refused(RefusedCall(reason, "10.0.0.9", "ODD\x01<&>\x07"))
        trail.refused(RefusedCall(reason, "10.0.0.9"))
    assert waiting() == 4
    now[0] += 61
    trail.refused(RefusedCall(RefusedFor.TLS, "10.0.0.9"))
    assert waiting() == 5
    for path in folder.glob("*.msg"):
        SCHEMA.assertValid(etree.fromstring(path.read_bytes().partition(b"\xef\xbb\xbf")[2]))


def test_without_a_server_nothing_is_kept(configuration: Configuration) -> None:
    trail = AuditTrail(configuration)
    trail.start()
    trail.released("study", 4, ["archive"])
    trail.stop()
    assert not (configuration.state_folder / "audit").exists()


@pytest.mark.parametrize(
    "wrong", [{"certificate": "a.pem"}, {"transport": "udp", "authorities": "a.pem"}, {"transport": "smtp"}]
)
def test_settings_that_do_not_fit_together_are_refused(configuration: Configuration, wrong: dict[str, str]) -> None:
    validate: Callable[[object], object] = type(configuration.audit).model_validate
    with pytest.raises(ValueError, match=r"belong together|are of TLS|Input should be"):
        validate({"host": "127.0.0.1", **wrong})


def test_every_event_is_documented_and_every_documented_one_is_there(repository: Path) -> None:
    told = (repository / "docs" / "watching.md").read_text().partition("## The audit trail")[2]
    codes = [one for one in vars(events).values() if isinstance(one, Code) and one.value.startswith("1101")]
    reported = [code for code in codes if not code.meaning.endswith(("ID", "UID", "Media")) and code.value != "110150"]
    assert len(reported) == 13
    assert set(re.findall(r"\b1101\d\d\b", told)) == {code.value for code in reported}


def test_signing_in_to_the_page_failing_to_and_signing_out_are_reported(configuration: Configuration) -> None:
    with serving() as server:
        trail = AuditTrail(audited(configuration, port=server.port))
        trail.start()
        trail.signed_in("rosa", "10.1.2.3", succeeded=False)
        trail.signed_in("rosa", "10.1.2.3", succeeded=True)
        trail.signed_out("rosa", "10.1.2.3")
        trail.stop()
        wait_for(lambda: STOP in codes(server))
        told = [message for message in server.messages() if message.find("EventIdentification/EventID").get("csd-code")
                == "110114"]  # fmt: skip
    for message in told:
        SCHEMA.assertValid(message)
    assert [
        (
            message.find("EventIdentification/EventTypeCode").get("csd-code"),
            message.find("EventIdentification").get("EventOutcomeIndicator"),
            message.find("ActiveParticipant").get("UserID"),
            message.find("ActiveParticipant").get("NetworkAccessPointID"),
        )
        for message in told
    ] == [(kind, outcome, "rosa", "10.1.2.3") for kind, outcome in (("110122", "4"), ("110122", "0"), ("110123", "0"))]
