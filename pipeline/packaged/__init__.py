"""Networks that installed packages ship: found by name, checked by SHA-256, corrected and opened.

Nothing enters that knows what they are for.
"""

from pipeline.packaged.onnx_corrections import with_only_inputs, with_shapes, without_idle_block_sizes
from pipeline.packaged.session import Session
from pipeline.packaged.weights import DLIB_FIVE_POINTS, DLIB_RESNET, SFACE, TEXT_DETECTOR, TEXT_READER, YUNET

__all__ = [
    "Session",
    "with_only_inputs",
    "with_shapes",
    "without_idle_block_sizes",
    "DLIB_FIVE_POINTS",
    "DLIB_RESNET",
    "SFACE",
    "TEXT_DETECTOR",
    "TEXT_READER",
    "YUNET",
]
