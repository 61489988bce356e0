"""Photographs of people, with masks that people drew: what the pipeline makes of them, beside rules without a model.

Nothing rendered enters, and nothing but figures and the report that is asked for stays behind.
"""

from pipeline.evaluation.photographs.case import CLASS_OF, HeldFor, PhotographCase, Result, examine
from pipeline.evaluation.photographs.figures import BARS, photograph_figures, table_of, verdict
from pipeline.evaluation.photographs.page import photograph_report

__all__ = [
    "CLASS_OF",
    "HeldFor",
    "PhotographCase",
    "Result",
    "examine",
    "BARS",
    "photograph_figures",
    "table_of",
    "verdict",
    "photograph_report",
]
