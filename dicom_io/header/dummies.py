"""Values that say nothing and are valid for their VR (PS3.15 section E.1.1, action D)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TEXT = "REMOVED"
DATE = "19000101"
"""So far from any photograph that nobody takes it for a date."""

BY_VR: Mapping[str, Any] = {
    "AE": TEXT, "AS": "000Y", "AT": 0x00000000, "CS": "UNKNOWN",
    "DA": DATE, "DT": DATE + "000000", "TM": "000000",
    "DS": "0", "IS": "0", "FD": 0.0, "FL": 0.0, "SL": 0, "SS": 0, "SV": 0, "UL": 0, "US": 0, "UV": 0,
    "LO": TEXT, "LT": TEXT, "PN": TEXT, "SH": TEXT, "ST": TEXT, "UC": TEXT, "UT": TEXT, "UR": "urn:removed:0",
    "UI": "1.2.840.10008.5.1.4.1.1.7",  # for SOP classes; instances get a pseudonymous UID
    "OB": b"\0\0", "OW": b"\0\0", "OF": b"\0" * 4, "OL": b"\0" * 4, "OD": b"\0" * 8, "OV": b"\0" * 8, "UN": b"\0\0",
}  # fmt: skip

BY_KEYWORD: Mapping[str, Any] = {
    "ReasonForTheAttributeModification": "CORRECT",  # PS3.3 C.12.1: COERCE or CORRECT
    "PatientSex": "O",
    "ImageLaterality": "U",
    "Laterality": "",  # enumerated L and R only: no dummy is true, and empty is allowed where it is Type 2C
    "BurnedInAnnotation": "YES",  # the careful answer where the source gave none
    "RecognizableVisualFeatures": "YES",
    "LossyImageCompression": "00",
    "QueryRetrieveView": "CLASSIC",
    "PatientSpeciesDescription": "HOMO SAPIENS",
}
"""Where the IOD enumerates the values."""


ENUMERATED: Mapping[str, frozenset[str]] = {"PatientSex": frozenset("FMO")}
"""Attributes that no reader takes with another value than these, retained or not (PS3.3 C.7.1.1)."""


def dummy_value(keyword: str, vr: str) -> Any:
    """The dummy for the attribute ``keyword`` with ``vr``, one of ``BY_VR``'s keys (never "SQ")."""
    return BY_KEYWORD.get(keyword, BY_VR[vr])


def empty_value(vr: str) -> Any:
    """What zero length is for ``vr`` in pydicom."""
    return b"" if vr in ("OB", "OW", "OF", "OL", "OD", "OV", "UN") else [] if vr == "SQ" else ""
