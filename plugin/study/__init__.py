"""The way of a study from its sources to its destinations, step by step. Nothing enters that knows a queue or rows."""

from plugin.study.advice import ADVICE
from plugin.study.delivery import FOLDER, FolderDelivery
from plugin.study.manifest import manifest_of, merged, with_remarks, write_manifest
from plugin.study.outputs import OutputWriter
from plugin.study.stages import PhotographStages, StageSettings, output_path
from plugin.study.study import (
    CONFLICT,
    UNFORESEEN,
    DirectSteps,
    InstanceRefused,
    Outcome,
    Output,
    Refusal,
    Source,
    Stages,
    Study,
    Timings,
    refusal_of,
    twin_study,
)

__all__ = [
    "ADVICE",
    "FOLDER",
    "FolderDelivery",
    "manifest_of",
    "merged",
    "with_remarks",
    "write_manifest",
    "OutputWriter",
    "PhotographStages",
    "StageSettings",
    "output_path",
    "CONFLICT",
    "UNFORESEEN",
    "DirectSteps",
    "InstanceRefused",
    "Outcome",
    "Output",
    "Refusal",
    "Source",
    "Stages",
    "Study",
    "Timings",
    "refusal_of",
    "twin_study",
]
