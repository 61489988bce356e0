"""Faces that are taken for photographs, so that the tests need none of a person."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from pipeline.edits import FlowTwinMaker
from pipeline.faces import Face
from pipeline.models import FaceLesionNet, load_embedded


class TakenForPhotographs(FlowTwinMaker):
    """To whom no face looks rendered."""

    def _knows(self, original: np.ndarray, face: Face) -> bool:
        return False


def untrained_face_lesions() -> FaceLesionNet:
    """Lays faces out as the shipped network does, and has learned nothing."""
    shipped = load_embedded().face_lesions
    torch.manual_seed(0)
    net = FaceLesionNet(replace(shipped.config, channels=(8, 8), inwards=(0, 0), outwards=(0,)))
    net.learn_faces(shipped.faces)
    return net
