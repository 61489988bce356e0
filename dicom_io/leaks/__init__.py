"""The last look before an object leaves, and the sweep that puts that look to the test.

Trusts no other room: nothing enters that would repair what it finds.
"""

from dicom_io.leaks.check import check_outgoing
from dicom_io.leaks.identifiers import Identifiers
from dicom_io.leaks.namesakes import leave_out_namesakes
from dicom_io.leaks.sweep import CARRIERS, Carrier, Sweep

__all__ = [
    "check_outgoing",
    "Identifiers",
    "leave_out_namesakes",
    "CARRIERS",
    "Carrier",
    "Sweep",
]
