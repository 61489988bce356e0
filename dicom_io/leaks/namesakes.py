"""A person who is called like the camera: the camera's name is left out, and the photograph goes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydicom import Dataset

from dicom_io.leaks.identifiers import Identifiers

CAMERA_NAMES: Mapping[str, Any] = {"Manufacturer": "", "ManufacturerModelName": None, "SoftwareVersions": None}
"""What is kept of a camera though anybody could be called so, and what then stands instead (None: nothing)."""


def leave_out_namesakes(clean: Dataset, identifiers: Identifiers) -> bool:
    """Take those names out of ``clean``, at any depth, in which something of ``identifiers`` stands; whether any was.

    It is no matter what it was: somebody's name, or an institution that is written where the maker should be.
    """
    found = False
    for keyword, instead in CAMERA_NAMES.items():
        if keyword in clean and identifiers.are_in(str(clean[keyword].value)):
            found = True
            if instead is None:
                del clean[keyword]
            else:
                clean[keyword].value = instead
    for element in clean:
        if element.VR == "SQ":
            for item in element.value:
                found |= leave_out_namesakes(item, identifiers)
    return found
