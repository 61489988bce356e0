"""Adapters for published models, loaded from a folder on disk. None of our own enters."""

from pipeline.models.published.bank import PromptBank, prompt_bytes, write_bank
from pipeline.models.published.estimates import CARDS, Card, seconds
from pipeline.models.published.flow import DiffusersFlow
from pipeline.models.published.folder import FAMILIES, ModelFacts, describe_folder, load_model
from pipeline.models.published.quantising import COST_DA, PRECISIONS
from pipeline.models.published.variants import REFUSED, VARIANTS, EditStart, Variant

__all__ = [
    "PromptBank",
    "prompt_bytes",
    "write_bank",
    "CARDS",
    "Card",
    "seconds",
    "DiffusersFlow",
    "FAMILIES",
    "ModelFacts",
    "describe_folder",
    "load_model",
    "COST_DA",
    "PRECISIONS",
    "REFUSED",
    "VARIANTS",
    "EditStart",
    "Variant",
]
