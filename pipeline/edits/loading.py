"""The configured models, loaded and checked: whatever is wrong with them is said before a study is touched."""

from __future__ import annotations

from pipeline.edits.twins import TwinMaker, load_flow_twin_maker
from pipeline.errors import ModelError
from pipeline.gate import Calibration, Policy
from pipeline.vocabulary import Personas


def load_twin_maker(
    model: str = "embedded",
    device: str = "cpu",
    personas: Personas | None = None,
    policy: Policy | None = None,
    calibration: Calibration | None = None,
) -> TwinMaker:
    """Everything that turns pixels into twins, loaded and checked. ``ModelError`` names what is missing or altered.

    ``personas``: who has become whom; forgotten with the process where none is given.
    """
    if model != "embedded":
        raise ModelError(f'model {model!r}: this version runs the embedded model alone; say model = "embedded"')
    if device != "cpu":
        raise ModelError(f"device {device!r}: the embedded model runs on the CPU")
    return load_flow_twin_maker(personas=personas, policy=policy, calibration=calibration)
