"""What the standard lays down, as tables: SOP classes, statuses, attribute types, Table E.1-1, safe private attributes.

Nothing enters that is decided by us, and nothing that reads or writes an object.
"""

from dicom_io.standard.attribute_types import Need, Path, iod_types
from dicom_io.standard.confidentiality_table import BASIC_PROFILE, OPTIONS, Row, profile_table
from dicom_io.standard.safe_private import SAFE_PRIVATE, PrivateElement
from dicom_io.standard.sop_classes import PHOTOGRAPH_CLASSES, TRANSFER_SYNTAXES, Codec, PhotographClass, TransferSyntax
from dicom_io.standard.status import RANGES, Status, StatusRange, meaning_of

__all__ = [
    "Need",
    "Path",
    "iod_types",
    "BASIC_PROFILE",
    "OPTIONS",
    "Row",
    "profile_table",
    "PrivateElement",
    "SAFE_PRIVATE",
    "Codec",
    "PHOTOGRAPH_CLASSES",
    "PhotographClass",
    "TRANSFER_SYNTAXES",
    "TransferSyntax",
    "RANGES",
    "Status",
    "StatusRange",
    "meaning_of",
]
