"""Faces that are taken for photographs, so that the tests need none of a person."""

from __future__ import annotations

import numpy as np

from pipeline.edits import FlowTwinMaker
from pipeline.faces import Face


class TakenForPhotographs(FlowTwinMaker):
    """To whom no face looks rendered."""

    def _knows(self, original: np.ndarray, face: Face) -> bool:
        return False
