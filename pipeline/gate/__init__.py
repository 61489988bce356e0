"""Whether a twin may leave: the policy on faces, the comparison, the thresholds and where they come from.

Nothing enters that makes or changes a twin.
"""

from pipeline.gate.calibration import (
    SHIPPED_FOLDER,
    Calibration,
    Domain,
    calibrations_in_force,
    find_calibration,
    load_calibration,
)
from pipeline.gate.gate import Gate, gate_digests
from pipeline.gate.labelled_faces import DEFAULT_NCC, FAR, LabelledFaces, calibrate, photographs_of
from pipeline.gate.marks import hold_marks
from pipeline.gate.policy import SOME, FacePolicy, Policy
from pipeline.gate.sightings import DOUBTFUL_SCORE, FIGURES, Lookout, Witnesses

__all__ = [
    "Calibration",
    "Domain",
    "SHIPPED_FOLDER",
    "calibrations_in_force",
    "find_calibration",
    "load_calibration",
    "Gate",
    "gate_digests",
    "DEFAULT_NCC",
    "FAR",
    "LabelledFaces",
    "calibrate",
    "photographs_of",
    "hold_marks",
    "FacePolicy",
    "Policy",
    "SOME",
    "DOUBTFUL_SCORE",
    "FIGURES",
    "Lookout",
    "Witnesses",
]
