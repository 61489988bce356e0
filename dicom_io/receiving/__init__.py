"""The way in: associations, the listener, and the spool where an instance lies. Nothing enters that decodes pixels."""

from dicom_io.receiving.callers import AllowedCaller
from dicom_io.receiving.commitments import CommitmentHandler, ReportHere
from dicom_io.receiving.limits import ConnectionLimits
from dicom_io.receiving.listener import Listener, ListenerSettings
from dicom_io.receiving.refused_calls import OnRefused, RefusedCall, RefusedFor
from dicom_io.receiving.spool import Spool, StoredInstance
from dicom_io.receiving.spool_names import keyed_name, rename_unkeyed
from dicom_io.receiving.tls import Tls, TlsSettings

__all__ = [
    "AllowedCaller",
    "CommitmentHandler",
    "ReportHere",
    "ConnectionLimits",
    "Listener",
    "ListenerSettings",
    "OnRefused",
    "RefusedCall",
    "RefusedFor",
    "Spool",
    "StoredInstance",
    "keyed_name",
    "rename_unkeyed",
    "Tls",
    "TlsSettings",
]
