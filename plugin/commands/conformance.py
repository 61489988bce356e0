"""``twinveil conformance``: the DICOM conformance statement (PS3.2), out of the very tables that the node runs on."""

from __future__ import annotations

from collections.abc import Iterable

from pydicom.uid import UID
from pynetdicom import PYNETDICOM_IMPLEMENTATION_UID, PYNETDICOM_IMPLEMENTATION_VERSION
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

from dicom_io.commitment import MOST_REFERENCES, PUSH_MODEL, FailureReason
from dicom_io.receiving import ConnectionLimits
from dicom_io.sending import may_travel_as
from dicom_io.standard import (
    OPTIONS,
    PHOTOGRAPH_CLASSES,
    RANGES,
    TRANSFER_SYNTAXES,
    Status,
    meaning_of,
    profile_table,
)
from dicom_io.writing import (
    CONCEPTS,
    IMPLEMENTATION_CLASS_UID,
    IMPLEMENTATION_VERSION_NAME,
    PRIVATE_SCHEME,
    kinds_that_leave,
)
from plugin import __version__
from plugin.config import ListenerSection, TlsSection

ANSWERS: dict[Status, str] = {
    Status.SUCCESS: "The instance is whole and on disk (C-STORE), or the node is there (C-ECHO).",
    Status.PROCESSING_FAILURE: "It could not be recorded; send it again.",
    Status.INVALID_OBJECT_INSTANCE: "The SOP Instance UID is empty or no UID.",
    Status.SOP_CLASS_NOT_SUPPORTED: "Not the SOP class of the presentation context.",
    Status.UNRECOGNISED_OPERATION: "An operation that is not served.",
    Status.OUT_OF_RESOURCES: "No room on the spool's disk, or larger than `limits.max_instance_bytes`.",
    Status.CANNOT_UNDERSTAND: "No data set, an empty one, or one past the bounds of elements and nesting.",
    Status.NO_SUCH_OBJECT_INSTANCE: "Storage Commitment: not its well-known instance.",
    Status.NO_SUCH_ACTION_TYPE: "Storage Commitment: an action that it does not have.",
    Status.NO_SUCH_EVENT_TYPE: "Storage Commitment: an event that it does not have.",
    Status.INVALID_ARGUMENT_VALUE: "Storage Commitment: unreadable, or about nothing that was asked.",
    Status.RESOURCE_LIMITATION: "Storage Commitment: too large, or too many requests wait for their report.",
}
"""When which status is given to a peer that calls, by DIMSE."""


def conformance_statement() -> str:
    """The whole statement in Markdown. It says what the code of this version does, under the defaults."""
    return "\n\n".join(
        ["# DICOM conformance statement", _overview(), _model(), _storage_scp(), _storage_scu(), _communication(),
         _media(), _codes(), _security(), _configuration()]
    ) + "\n"  # fmt: skip


def table(headings: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table in Markdown."""
    headings = tuple(headings)
    lines = [headings, ("---",) * len(headings), *(tuple(row) for row in rows)]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _overview() -> str:
    services = table(
        ("Network service", "User (SCU)", "Provider (SCP)"),
        [
            (Verification.name, "by `twinveil check`", "yes"),
            *((uid.name, _yes(uid in _written()), _yes(uid in PHOTOGRAPH_CLASSES)) for uid in _classes()),
            (PUSH_MODEL.name, "where a destination has `commitment = true`", "yes"),
            ("Store transaction of DICOMweb (STOW-RS)", "where a destination has a `url`", "with `web.on = true`"),
        ],
    )
    return (
        f"Twinveil {__version__}. Written by `twinveil conformance` out of the tables that the node runs on; the order "
        "is that of DICOM PS3.2.\n\n"
        "## 1. Overview\n\n"
        "Twinveil receives photographs of skin by C-STORE and sends, for each one that it releases, two derived images "
        "of a person who does not exist and two segmentations of the disease, in a new study. It keeps nothing that is "
        "queried or retrieved.\n\n"
        f"{services}\n\n"
        "Not provided: Query/Retrieve, Modality Worklist, MPPS, other transactions of DICOMweb, media."
    )


def _model() -> str:
    return (
        "## 2. Implementation model\n\n"
        "One application entity listens, the *Storage SCP*; one sends, the *Storage SCU*. An instance that the SCP "
        "has accepted lies in the spool until its study is quiet (`study.quiet_seconds`), is worked on, and what comes "
        "of it waits in the outbox until every configured destination has it. What is refused lies in quarantine.\n\n"
        + table(
            ("Identification", "Value"),
            [
                ("Implementation class UID, network", PYNETDICOM_IMPLEMENTATION_UID),
                ("Implementation version name, network", PYNETDICOM_IMPLEMENTATION_VERSION),
                ("Implementation class UID, files that are written", str(IMPLEMENTATION_CLASS_UID)),
                ("Implementation version name, files that are written", IMPLEMENTATION_VERSION_NAME),
            ],
        )
    )


def _storage_scp() -> str:
    limits = ConnectionLimits()
    contexts = table(
        ("Abstract syntax", "UID", "Transfer syntaxes", "Role"),
        [
            (Verification.name, str(Verification), "the uncompressed ones of the standard", "SCP"),
            *((uid.name, str(uid), "all of the table below", "SCP") for uid in PHOTOGRAPH_CLASSES),
            (PUSH_MODEL.name, str(PUSH_MODEL), "the uncompressed ones of the standard", "SCP, and SCU for reports"),
        ],
    )
    syntaxes = table(
        ("Transfer syntax", "UID"), ((row.uid.name, str(row.uid)) for row in TRANSFER_SYNTAXES.values())
    )
    statuses = table(
        ("Status", "Meaning", "When"),
        ((f"{status:04X}", meaning_of(status).meaning, when) for status, when in ANSWERS.items()),
    )
    return (
        "## 3. Storage SCP\n\n"
        "### 3.1 Association policies\n\n"
        f"Only calling AE titles and addresses of `[[callers]]` are accepted, and only the called AE title of the "
        f"configuration. At most {limits.max_associations} associations at a time, "
        f"{limits.max_associations_per_address} from one address; PDUs of at most {limits.max_pdu_bytes} bytes. No "
        "asynchronous operations, no extended negotiation, no user identity. These numbers are defaults; the settings "
        "are in `[limits]`.\n\n"
        f"### 3.2 Presentation contexts\n\n{contexts}\n\n{syntaxes}\n\n"
        "Of the transfer syntaxes that a context offers the first one of the table is taken. Only colour and grey "
        "photographs of 8 bits and one frame are worked on; what only its content shows to be otherwise is accepted "
        "and held in quarantine with its reason.\n\n"
        f"### 3.3 Statuses\n\n{statuses}\n\n"
        "An instance that was accepted before is answered with success and kept once.\n\n"
        "### 3.4 Storage Commitment\n\n"
        "The node answers for every instance that it accepted, whatever became of it since. A request holds at most "
        f"{MOST_REFERENCES} references. The report goes to the address of the caller, tried for "
        "`commitment.report_days`, or, where it has none, over the association that it asked on. Reasons that a report "
        f"may give:\n\n{_reasons()}\n\n"
        "### 3.5 STOW-RS\n\n"
        "`POST /studies` and `/studies/{study}`, multipart/related with application/dicom (PS3.18 10.5), of the same "
        "SOP classes and transfer syntaxes; the answer is application/dicom+json. See [Storage Commitment and "
        "STOW-RS](commitment-and-web.md)."
    )


def _reasons() -> str:
    reasons = ((f"{reason:04X}", reason.name.replace("_", " ").capitalize()) for reason in FailureReason)
    return table(("Failure Reason", "Meaning"), reasons)


def _storage_scu() -> str:
    rows = [
        (sop_class.name, str(sop_class), when, " or ".join(syntax.name for syntax in may_travel_as(stored)))
        for sop_class, stored, when in _kinds()
    ]
    contexts = table(("Abstract syntax", "UID", "When", "Transfer syntaxes, the better first"), rows)
    statuses = table(
        ("Status", "Meaning", "What follows", "Clause"),
        (
            (
                f"{known.first:04X}" if known.first == known.last else f"{known.first:04X} to {known.last:04X}",
                known.meaning,
                _what_follows(known.category, retryable=known.retryable),
                known.clause,
            )
            for known in RANGES
        ),
    )
    return (
        "## 4. Storage SCU\n\n"
        "An association is opened to every destination that something waits for, one at a time for each. Every pair "
        "of abstract and transfer syntax is proposed in a presentation context of its own.\n\n"
        f"### 4.1 Presentation contexts\n\n{contexts}\n\n"
        f"### 4.2 Statuses of C-STORE\n\n{statuses}\n\n"
        f"{Status.DUPLICATE_SOP_INSTANCE:04X} counts as stored for an object that was sent there before with the same "
        "bytes. A status that no clause defines is a failure and is not tried again by itself. Failures that may pass, "
        "and destinations that are not there, are tried again for as long as it takes (`[retries]`).\n\n"
        "A destination with `commitment = true` is asked to answer for what it stored before sources are purged; one "
        "with a `url` is sent one object a request by STOW-RS."
    )


def _communication() -> str:
    listener, tls = ListenerSection(), TlsSection()
    return (
        "## 5. Communication profiles\n\n"
        f"TCP/IP (PS3.8), by default on port {listener.port}. With `[tls]`, TLS 1.2 and 1.3 on port {tls.port} with "
        "certificates on both sides, after BCP 195 (PS3.15 B.12). A destination with `tls = true` is called by TLS 1.2 "
        "or 1.3 after the same profile, its certificate and name verified, ours shown where it asks for one."
    )


def _media() -> str:
    return "## 6. Media\n\nNone. `twinveil process` reads and writes files of PS3.10; it writes no DICOMDIR."


def _codes() -> str:
    rows = [(concept.value, concept.scheme, concept.meaning) for concept in CONCEPTS.values()]
    return (
        "## 7. Extensions, private codes, character sets\n\n"
        f"No private attributes and no private SOP classes are written. The coding scheme {PRIVATE_SCHEME} is our own. "
        "Codes that may be written:\n\n"
        f"{table(('Code value', 'Scheme', 'Meaning'), rows)}\n\n"
        "Every character set that pydicom knows is read; what is written is in ISO_IR 192 (UTF-8) or the default "
        "repertoire."
    )


def _security() -> str:
    profile = profile_table()
    rows = [
        (f"`{name}`", str(code.value), code.meaning, *(str(count) for count in _marks(name)))
        for name, code in OPTIONS.items()
    ]
    options = table(("Setting in `profile.options`", "Code", "Option", "Retains", "Cleans"), rows)
    return (
        "## 8. Security\n\n"
        f"What leaves follows the Basic Application Level Confidentiality Profile of PS3.15 annex E, edition "
        f"{profile.edition}, all {len(profile.rows)} rows of Table E.1-1, with the options that the site chooses:\n\n"
        f"{options}\n\n"
        "`113102` is claimed only for a twin that the gate compared with its source, `113101` only where the pixels "
        "were searched for text and none is left. UIDs and pseudonyms are HMACs under the site's key."
    )


def _configuration() -> str:
    return (
        "## 9. Configuration\n\n"
        "AE titles, addresses, ports, bounds and times are settings of the one configuration file: see "
        "[settings.md](settings.md)."
    )


def _kinds() -> list[tuple[UID, UID, str]]:
    """SOP class, transfer syntax, and under which setting objects of this kind leave."""
    without, with_loss = kinds_that_leave(lossless=True), kinds_that_leave(lossless=False)
    found: list[tuple[UID, UID, str]] = []
    for kind in dict.fromkeys([*without, *with_loss]):
        always = kind in without and kind in with_loss
        found.append((kind[0], kind[1], "always" if always else f"`output.lossless = {str(kind in without).lower()}`"))
    return found


def _marks(option: str) -> tuple[int, int]:
    marks = [row.options[option] for row in profile_table().rows if option in row.options]
    return marks.count("K"), marks.count("C")


def _written() -> set[UID]:
    return {uid for uid, _ in kinds_that_leave(lossless=True)}


def _classes() -> list[UID]:
    return list(dict.fromkeys([*PHOTOGRAPH_CLASSES, *(uid for uid, _ in kinds_that_leave(lossless=True))]))


def _what_follows(category: str, *, retryable: bool) -> str:
    if category != "failure":
        return "stored" if category == "success" else "stored; the remark is recorded"
    return "tried again" if retryable else "undelivered until a person decides"


def _yes(holds: bool) -> str:
    return "yes" if holds else "no"

