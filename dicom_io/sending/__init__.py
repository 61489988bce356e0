"""The way out: finished objects to a destination, as they are. Nothing enters that makes an object or alters one."""

from dicom_io.sending.commitment import ask_for_commitment, report_commitment, takes_commitment
from dicom_io.sending.delivery import deliver, echo, negotiate, sop_class_of
from dicom_io.sending.destination import Destination, StoredObject, StoreWarning
from dicom_io.sending.negotiation import Kind, Negotiated
from dicom_io.sending.tls import ClientTls
from dicom_io.sending.transcoding import may_travel_as
from dicom_io.sending.web_delivery import deliver_over_web, examine
from dicom_io.sending.web_destination import WebDestination

__all__ = [
    "ClientTls",
    "Destination",
    "WebDestination",
    "StoredObject",
    "StoreWarning",
    "Kind",
    "Negotiated",
    "ask_for_commitment",
    "report_commitment",
    "takes_commitment",
    "deliver",
    "deliver_over_web",
    "examine",
    "echo",
    "may_travel_as",
    "negotiate",
    "sop_class_of",
]
