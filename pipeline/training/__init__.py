"""Training of the embedded model from rendered patients. Nothing enters that the service needs."""

from pipeline.training.cache import LAYOUTS, PairCache
from pipeline.training.composing import Composed, Composer, Donor, donor_words, people_words
from pipeline.training.face_frame import fitted_frame, fitted_words
from pipeline.training.run import Plan, train
from pipeline.training.sheet import Edited, heal_held_out

__all__ = [
    "LAYOUTS",
    "PairCache",
    "Composed",
    "Composer",
    "Donor",
    "donor_words",
    "people_words",
    "fitted_frame",
    "fitted_words",
    "Plan",
    "train",
    "Edited",
    "heal_held_out",
]
