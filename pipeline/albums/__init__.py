"""Photographs on disk with the masks that people drew, for training and evaluation. Nothing that edits them enters."""

from pipeline.albums.files import PhotographFile, photographs_in

__all__ = ["PhotographFile", "photographs_in"]
