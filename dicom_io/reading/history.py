"""The lossy compressions that a photograph went through."""

from __future__ import annotations

from dataclasses import dataclass

from pydicom import Dataset

from dicom_io.reading.header_values import finite, text, values
from dicom_io.standard import TransferSyntax

METHODS = frozenset(
    {"ISO_10918_1", "ISO_14495_1", "ISO_15444_1", "ISO_15444_15", "ISO_13818_2", "ISO_14496_10", "ISO_23008_2"}
)
"""Defined Terms of Lossy Image Compression Method (PS3.3 C.7.6.1.1.5)."""


@dataclass(frozen=True)
class LossyHistory:
    """The lossy compressions that the pixels went through, oldest first (PS3.3 C.7.6.1.1.5).

    ``lossy`` may be true with nothing known of it. ``ratios`` are numbers > 0, ``methods`` defined terms; both have
    the same length.
    """

    lossy: bool = False
    ratios: tuple[float, ...] = ()
    methods: tuple[str, ...] = ()


def lossy_history(dataset: Dataset, transfer_syntax: TransferSyntax, ratio: float) -> LossyHistory:
    """The history in the header, and the compression in which the frame came when the header does not mention it.

    ``ratio``: that of the frame as it came. A note about the past decides nothing: a step whose ratio is no number
    above 0, or whose method is no defined term, is left out, and the photograph is lossy all the same.
    """
    ratios = [finite(value) for value in values(dataset, "LossyImageCompressionRatio")]
    methods = [str(value).strip() for value in values(dataset, "LossyImageCompressionMethod")]
    known = [
        (past, method)
        for past, method in zip(ratios, methods, strict=False)
        if past is not None and past > 0 and method in METHODS
    ]
    method = transfer_syntax.lossy_method
    lossy = method is not None or bool(methods) or text(dataset, "LossyImageCompression") == "01"
    if method is not None and (not known or known[-1][1] != method):
        known.append((round(max(ratio, 1.0), 2), method))
    return LossyHistory(lossy, tuple(past for past, _ in known), tuple(method for _, method in known))
