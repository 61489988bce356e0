"""The names that the Push Model goes by (PS3.4 J.3)."""

from __future__ import annotations

from pydicom.uid import UID

from dicom_io.commitment.messages import CommitmentReport

PUSH_MODEL = UID("1.2.840.10008.1.20.1")
"""Storage Commitment Push Model SOP Class."""

WELL_KNOWN_INSTANCE = UID("1.2.840.10008.1.20.1.1")
"""The one SOP instance of it that every request and report is about."""

REQUEST_COMMITMENT = 1
"""Action Type ID of the N-ACTION (PS3.4 Table J.3-1)."""

ALL_COMMITTED, SOME_FAILED = 1, 2
"""Event Type IDs of the N-EVENT-REPORT (PS3.4 Table J.3-2)."""


def event_type_of(report: CommitmentReport) -> int:
    """The Event Type ID that goes with ``report``."""
    return SOME_FAILED if report.failed else ALL_COMMITTED
