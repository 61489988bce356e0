"""Grey photographs: from stored values to what is shown, by modality table, value of interest table or window.

PS3.3 C.11.1 (modality), C.11.2 (value of interest), C.11.6 (presentation). With 8 bits a sample, the whole way is one
table of 256 entries.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from dicom_io.errors import UnsupportedObject
from dicom_io.reading.header_values import finite, number, text, values
from dicom_io.reading.lookup_tables import lookup_table

Values = NDArray[np.float64]


def shown(stored: NDArray[np.uint8], dataset: Dataset, *, inverse: bool) -> NDArray[np.uint8]:
    """``stored`` (rows, columns) as it is to be shown, 0 black and 255 white. ``inverse``: MONOCHROME1.

    Raises UnsupportedObject where the header's tables or windows cannot be applied.
    """
    modality, low, high = _modality(np.arange(256, dtype=np.float64), dataset)
    output = _value_of_interest(modality, dataset)
    if output is None:
        output = (modality - low) / (high - low)
    if _is_inverse(dataset, inverse):
        output = 1.0 - output
    return np.rint(output.clip(0.0, 1.0) * 255.0).astype(np.uint8)[stored]


def _modality(stored: Values, dataset: Dataset) -> tuple[Values, float, float]:
    """Values after the modality transformation, and the least and the greatest that it can yield."""
    items = values(dataset, "ModalityLUTSequence")
    if items:
        table = lookup_table(items[0], "LUTDescriptor", "LUTData", "the modality lookup table")
        return table.at(stored), 0.0, float(table.largest)
    if not values(dataset, "RescaleSlope") and not values(dataset, "RescaleIntercept"):
        return stored, 0.0, 255.0
    slope, intercept = number(dataset, "RescaleSlope"), number(dataset, "RescaleIntercept")
    if not slope or intercept is None:
        raise UnsupportedObject("Rescale Slope and Rescale Intercept are no usable numbers; correct or remove both")
    ends = sorted((intercept, slope * 255.0 + intercept))
    return stored * slope + intercept, ends[0], ends[1]


def _value_of_interest(modality: Values, dataset: Dataset) -> Values | None:
    """0 to 1 by the first table or window, which is the one to show first; None where there is neither."""
    items = values(dataset, "VOILUTSequence")
    if items:
        table = lookup_table(items[0], "LUTDescriptor", "LUTData", "the value of interest lookup table")
        return table.at(modality) / table.largest
    centres, widths = values(dataset, "WindowCenter"), values(dataset, "WindowWidth")
    if not centres and not widths:
        return None
    centre, width = (finite(found[0]) if found else None for found in (centres, widths))
    function = FUNCTIONS.get(text(dataset, "VOILUTFunction").upper() or "LINEAR")
    if function is None:
        raise UnsupportedObject("VOI LUT Function is none of LINEAR, LINEAR_EXACT and SIGMOID; correct it")
    if centre is None or width is None or width <= 0 or (function is _linear and width < 1):
        raise UnsupportedObject("Window Center and Window Width are no usable window; correct or remove both")
    return function(modality, centre, width)


def _linear(modality: Values, centre: float, width: float) -> Values:
    """C.11.2.1.2.1. A width of 1 is a threshold."""
    if width == 1:
        return (modality > centre - 0.5).astype(np.float64)
    return (modality - (centre - 0.5)) / (width - 1) + 0.5


def _linear_exact(modality: Values, centre: float, width: float) -> Values:
    """C.11.2.1.3.2."""
    return (modality - centre) / width + 0.5


def _sigmoid(modality: Values, centre: float, width: float) -> Values:
    """C.11.2.1.3.1."""
    return np.asarray(1.0 / (1.0 + np.exp(np.clip(-4.0 * (modality - centre) / width, -700.0, 700.0))))


FUNCTIONS: Mapping[str, Callable[[Values, float, float], Values]] = {
    "LINEAR": _linear,
    "LINEAR_EXACT": _linear_exact,
    "SIGMOID": _sigmoid,
}


def _is_inverse(dataset: Dataset, inverse: bool) -> bool:
    """Whether low values are bright. The shape repeats what MONOCHROME1 says; else neither is believed."""
    shape = text(dataset, "PresentationLUTShape").upper()
    if shape and (shape not in ("IDENTITY", "INVERSE") or (shape == "INVERSE") != inverse):
        raise UnsupportedObject(
            "Presentation LUT Shape does not go with Photometric Interpretation, so that light and dark can't be told;"
            " correct one of them"
        )
    return inverse
