"""The way in: associations, the listener, and the spool where an instance lies. Nothing enters that decodes pixels."""

from dicom_io.receiving.association_server import ConnectionLimits
from dicom_io.receiving.listener import AllowedCaller, Listener, ListenerSettings
from dicom_io.receiving.spool import Spool, StoredInstance

__all__ = [
    "ConnectionLimits",
    "AllowedCaller",
    "Listener",
    "ListenerSettings",
    "Spool",
    "StoredInstance",
]
