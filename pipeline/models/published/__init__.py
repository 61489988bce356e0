"""Adapters for published models, loaded from a folder: Stable Diffusion 3 and FLUX.1. None of our own enters."""

from pipeline.models.published.folder import load_model

__all__ = ["load_model"]
