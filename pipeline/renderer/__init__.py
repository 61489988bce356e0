"""Rendered patients: photographs of people who do not exist, with the truth beside them.

Nothing enters that looks at real photographs or knows of models.
"""

from pipeline.renderer.geometry_bake import cached
from pipeline.renderer.mpfb2 import mpfb2_folder
from pipeline.renderer.patient import RenderedPatient, Renderer

__all__ = [
    "cached",
    "mpfb2_folder",
    "RenderedPatient",
    "Renderer",
]
