"""Knobs of a published model's edits, searched for on a site's photographs. Nothing enters that the service needs."""

from pipeline.tuning.pictures import Row, sheet
from pipeline.tuning.score import HealScore, SwapScore, TuningPhotograph
from pipeline.tuning.trials import Found, Range, front, search
from pipeline.tuning.tuner import Budget, Tuned, tune

__all__ = [
    "HealScore",
    "SwapScore",
    "TuningPhotograph",
    "Found",
    "Range",
    "front",
    "search",
    "Row",
    "sheet",
    "Budget",
    "Tuned",
    "tune",
]
