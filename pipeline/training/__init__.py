"""Training of the embedded model from rendered patients. Nothing enters that the service needs."""

from pipeline.training.cache import LAYOUTS, PairCache
from pipeline.training.run import Plan, train
from pipeline.training.sheet import Edited, heal_held_out

__all__ = [
    "LAYOUTS",
    "PairCache",
    "Plan",
    "train",
    "Edited",
    "heal_held_out",
]
