"""Rectified-flow models behind one small protocol. Nothing enters that knows of edits, faces or the gate.

Adapters for published models stand in ``published``: they load other libraries.
"""

from pipeline.models.base import Branch, Prompt, RectifiedFlow, VelocityField, pixels_from_rgb, rgb_from_pixels
from pipeline.models.contact_sheet import SIDE
from pipeline.models.embedded import FOLDER, EmbeddedModel, Expert, Net, field_sizes, load_embedded, save_expert
from pipeline.models.face_lesions import FaceLesionConfig, FaceLesionNet, KnownFaces
from pipeline.models.healing import Found, HealingFlow, HealingNet, HealingPrompt
from pipeline.models.pixel_flow import PixelFlow
from pipeline.models.places import PlaceConfig, PlaceFinder, PlaceNet
from pipeline.models.portraits import Portraits, similarities
from pipeline.models.precision import fast_precision, on_one_thread, serving
from pipeline.models.swapping import Subject, SwappingFlow, SwappingNet, SwappingPrompt
from pipeline.models.trunk import NetConfig

__all__ = [
    "Branch",
    "Prompt",
    "RectifiedFlow",
    "VelocityField",
    "pixels_from_rgb",
    "rgb_from_pixels",
    "SIDE",
    "EmbeddedModel",
    "Expert",
    "Net",
    "FOLDER",
    "field_sizes",
    "load_embedded",
    "save_expert",
    "FaceLesionConfig",
    "FaceLesionNet",
    "KnownFaces",
    "Found",
    "HealingFlow",
    "HealingNet",
    "HealingPrompt",
    "PlaceConfig",
    "PlaceFinder",
    "PlaceNet",
    "PixelFlow",
    "Portraits",
    "similarities",
    "fast_precision",
    "on_one_thread",
    "serving",
    "Subject",
    "SwappingFlow",
    "SwappingNet",
    "SwappingPrompt",
    "NetConfig",
]
