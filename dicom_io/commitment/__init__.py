"""Storage Commitment (PS3.4 annex J, Push Model): what is asked and what is answered, as data. No network enters."""

from dicom_io.commitment.messages import (
    MOST_REFERENCES,
    CommitmentReport,
    CommitmentRequest,
    Failure,
    FailureReason,
    Reference,
    action_information,
    event_information,
    new_request,
    read_action_information,
    read_event_information,
    report_of,
)
from dicom_io.commitment.service import (
    ALL_COMMITTED,
    PUSH_MODEL,
    REQUEST_COMMITMENT,
    SOME_FAILED,
    WELL_KNOWN_INSTANCE,
    event_type_of,
)

__all__ = [
    "MOST_REFERENCES",
    "CommitmentReport",
    "CommitmentRequest",
    "Failure",
    "FailureReason",
    "Reference",
    "action_information",
    "event_information",
    "new_request",
    "read_action_information",
    "read_event_information",
    "report_of",
    "ALL_COMMITTED",
    "PUSH_MODEL",
    "REQUEST_COMMITMENT",
    "SOME_FAILED",
    "WELL_KNOWN_INSTANCE",
    "event_type_of",
]
