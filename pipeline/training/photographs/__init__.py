"""Photographs in the training of healing: what people outlined, and what is painted on skin that has nothing.

Held-out photographs do not enter, and nothing of any photograph leaves but the weights that learned from it.
"""

from pipeline.training.photographs.album import held_out
from pipeline.training.photographs.mixture import PhotographExamples, Shares
from pipeline.training.photographs.store import Store, open_store

__all__ = ["held_out", "PhotographExamples", "Shares", "Store", "open_store"]
