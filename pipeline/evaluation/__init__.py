"""The scorecard: what the pipeline does to rendered patients that training never saw, with the truth beside it.

Nothing enters that the service needs.
"""

from pipeline.evaluation.case import TRIES, Case
from pipeline.evaluation.composites import FIRST_TRY, FULL_SWAP, KINDS, LEAKS, judged_composites
from pipeline.evaluation.crowd import Crowd, Unexamined
from pipeline.evaluation.figures import BARS, composite_figure, estimate, scorecard
from pipeline.evaluation.html_report import report
from pipeline.evaluation.people import GROUPS, PersonCase, PersonExaminer, people_figures, person_of
from pipeline.evaluation.pictures import overview
from pipeline.evaluation.unseen import UnseenPatient, photographed_once, true_swap

__all__ = [
    "TRIES",
    "Case",
    "FIRST_TRY",
    "FULL_SWAP",
    "KINDS",
    "LEAKS",
    "judged_composites",
    "Crowd",
    "Unexamined",
    "BARS",
    "composite_figure",
    "estimate",
    "scorecard",
    "report",
    "GROUPS",
    "PersonCase",
    "PersonExaminer",
    "people_figures",
    "person_of",
    "overview",
    "UnseenPatient",
    "photographed_once",
    "true_swap",
]
