"""The way out: finished objects to a destination, as they are. Nothing enters that makes an object or alters one."""

from dicom_io.sending.delivery import deliver, echo, negotiate
from dicom_io.sending.destination import Destination, StoredObject, StoreWarning
from dicom_io.sending.negotiation import Kind, Negotiated
from dicom_io.sending.transcoding import may_travel_as

__all__ = [
    "Destination",
    "StoredObject",
    "StoreWarning",
    "Kind",
    "Negotiated",
    "deliver",
    "echo",
    "may_travel_as",
    "negotiate",
]
