"""A DICOM audit message as XML (PS3.15 A.5.1, the successor of RFC 3881), and as the syslog message that carries it.

Only what is stated here can stand in a message: codes, keyed digests, names of machines and of reviewers, and counts.
"""

from __future__ import annotations

import base64
import socket
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum, IntEnum
from xml.etree import ElementTree

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
SECURITY_FACILITY, NOTICE, WARNING = 10, 5, 4
"""RFC 5424 6.2.1, as PS3.15 A.6 wants them."""

MESSAGE_ID = "DICOM+RFC3881"
"""The MSGID of every audit message (PS3.15 A.6)."""


@dataclass(frozen=True)
class Code:
    """A coded value: code, coding scheme and what it means."""

    value: str
    meaning: str
    system: str = "DCM"

    def put(self, parent: ElementTree.Element, name: str) -> None:
        attributes = {"csd-code": self.value, "codeSystemName": self.system, "originalText": self.meaning}
        ElementTree.SubElement(parent, name, attributes)


class Outcome(IntEnum):
    """EventOutcomeIndicator (RFC 3881 5.1.4)."""

    SUCCESS = 0
    MINOR_FAILURE = 4
    SERIOUS_FAILURE = 8
    MAJOR_FAILURE = 12


class Action(Enum):
    """EventActionCode (RFC 3881 5.1.2)."""

    CREATE, READ, UPDATE, DELETE, EXECUTE = "C", "R", "U", "D", "E"


@dataclass(frozen=True)
class Participant:
    """An ActiveParticipant: an application by its AE title or name, or a person. ``media``: of an export."""

    user: str
    roles: tuple[Code, ...] = ()
    is_requestor: bool = False
    address: str = ""
    process: str = ""
    media: Code | None = None

    def put(self, parent: ElementTree.Element) -> None:
        attributes = {"UserID": plain(self.user), "UserIsRequestor": "true" if self.is_requestor else "false"}
        if self.process:
            attributes["AlternativeUserID"] = plain(self.process)
        if self.address:
            attributes |= {
                "NetworkAccessPointID": plain(self.address),
                "NetworkAccessPointTypeCode": "2" if _is_address(self.address) else "1",
            }
        element = ElementTree.SubElement(parent, "ActiveParticipant", attributes)
        for role in self.roles:
            role.put(element, "RoleIDCode")
        if self.media is not None:
            self.media.put(ElementTree.SubElement(element, "MediaIdentifier"), "MediaType")


@dataclass(frozen=True)
class Concerned:
    """A ParticipantObject. ``kind``, ``role``: PS3.15 A.5.1.2; ``instances``: how many of a study, None if untold."""

    identifier: str
    id_type: Code
    kind: int
    role: int
    name: str
    instances: int | None = None
    sop_class: str = ""
    anonymized: bool = False
    detail: str = ""

    def put(self, parent: ElementTree.Element) -> None:
        element = ElementTree.SubElement(
            parent,
            "ParticipantObjectIdentification",
            {
                "ParticipantObjectID": plain(self.identifier),
                "ParticipantObjectTypeCode": str(self.kind),
                "ParticipantObjectTypeCodeRole": str(self.role),
            },
        )
        self.id_type.put(element, "ParticipantObjectIDTypeCode")
        ElementTree.SubElement(element, "ParticipantObjectName").text = plain(self.name)
        if self.detail:
            value = base64.b64encode(plain(self.detail).encode()).decode()
            ElementTree.SubElement(element, "ParticipantObjectDetail", {"type": "Alert Description", "value": value})
        if self.instances is not None:
            described = ElementTree.SubElement(element, "ParticipantObjectDescription")
            counted = {"NumberOfInstances": str(self.instances)} | ({"UID": self.sop_class} if self.sop_class else {})
            ElementTree.SubElement(described, "SOPClass", counted)
            if self.anonymized:
                ElementTree.SubElement(described, "Anonymized").text = "true"


@dataclass(frozen=True)
class AuditMessage:
    """One event. ``kind``: an EventTypeCode, where the event has some."""

    event: Code
    action: Action
    participants: tuple[Participant, ...]
    concerned: tuple[Concerned, ...] = ()
    kind: Code | None = None
    outcome: Outcome = Outcome.SUCCESS
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def xml(self, source: str, site: str = "") -> bytes:
        """In UTF-8. ``source``: who reports it, ``site``: where that is."""
        root = ElementTree.Element("AuditMessage")
        event = ElementTree.SubElement(
            root,
            "EventIdentification",
            {
                "EventActionCode": self.action.value,
                "EventDateTime": self.at.isoformat(timespec="milliseconds"),
                "EventOutcomeIndicator": str(self.outcome.value),
            },
        )
        self.event.put(event, "EventID")
        if self.kind is not None:
            self.kind.put(event, "EventTypeCode")
        for participant in self.participants:
            participant.put(root)
        stated = {"AuditSourceID": plain(source)} | ({"AuditEnterpriseSiteID": plain(site)} if site else {})
        origin = ElementTree.SubElement(root, "AuditSourceIdentification", stated)
        ElementTree.SubElement(origin, "AuditSourceTypeCode", {"csd-code": "4"})  # an application server process
        for one in self.concerned:
            one.put(root)
        encoded: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
        return encoded

    def syslog(self, process: int, source: str, site: str = "") -> bytes:
        """The SYSLOG-MSG of RFC 5424 6, without a frame."""
        severity = NOTICE if self.outcome is Outcome.SUCCESS else WARNING
        at = self.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        host = plain(socket.gethostname()).replace(" ", "-")[:255] or "-"
        head = f"<{SECURITY_FACILITY * 8 + severity}>1 {at} {host} twinveil {process} {MESSAGE_ID} - "
        return head.encode("ascii", "replace") + BYTE_ORDER_MARK + self.xml(source, site)


def plain(text: str) -> str:
    """``text`` with what XML cannot hold, or what is no printable sign, as a question mark."""
    return "".join(sign if sign.isprintable() else "?" for sign in text) or "?"


def _is_address(text: str) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, text)
        except OSError:
            continue
        return True
    return False
