"""Adapters for published models, loaded from a folder on disk. None of our own enters."""

from pipeline.models.published.flow import DiffusersFlow
from pipeline.models.published.folder import FAMILIES, ModelFacts, describe_folder, load_model
from pipeline.models.published.quantising import PRECISIONS
from pipeline.models.published.variants import REFUSED, VARIANTS, EditStart, Variant

__all__ = [
    "DiffusersFlow",
    "FAMILIES",
    "ModelFacts",
    "describe_folder",
    "load_model",
    "PRECISIONS",
    "REFUSED",
    "VARIANTS",
    "EditStart",
    "Variant",
]
