"""Text burned into a photograph: found, covered or refused. What it says never enters."""

from pipeline.text.burned_in_text import (
    BurnedInText,
    TextRemover,
    covers_for,
    load_text_remover,
    text_from_json,
    text_to_json,
)
from pipeline.text.finder import Quad, TextFinder

__all__ = [
    "BurnedInText",
    "TextRemover",
    "covers_for",
    "load_text_remover",
    "text_from_json",
    "text_to_json",
    "Quad",
    "TextFinder",
]
