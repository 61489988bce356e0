"""The way out: finished objects to a destination, as they are. Nothing enters that makes or changes an object."""

from dicom_io.sending.delivery import Destination, deliver, echo

__all__ = [
    "Destination",
    "deliver",
    "echo",
]
