"""Heal and swap: from a photograph to its twins. Nothing enters that knows how a model was trained or is scored."""

from pipeline.edits.crop import FaceCrop, FrameCrop, head_matte
from pipeline.edits.edit import EditKnobs
from pipeline.edits.fidelity import Fidelity, target_only
from pipeline.edits.flowedit import flow_edit
from pipeline.edits.knobs import PublishedKnobs, read_knobs, write_knobs
from pipeline.edits.loading import ModelChoice, PublishedChoice, load_published, load_twin_maker, starting_knobs
from pipeline.edits.models import Healer, ModelFacts, Swapper
from pipeline.edits.published import PublishedEdits, PublishedHealer, PublishedSwapper
from pipeline.edits.twins import FlowTwinMaker, TwinMaker, TwinSettings, load_flow_twin_maker

__all__ = [
    "FaceCrop",
    "FrameCrop",
    "head_matte",
    "Fidelity",
    "target_only",
    "flow_edit",
    "EditKnobs",
    "FlowTwinMaker",
    "Healer",
    "ModelChoice",
    "ModelFacts",
    "PublishedChoice",
    "PublishedEdits",
    "PublishedHealer",
    "PublishedKnobs",
    "PublishedSwapper",
    "Swapper",
    "TwinMaker",
    "TwinSettings",
    "load_flow_twin_maker",
    "load_published",
    "load_twin_maker",
    "read_knobs",
    "starting_knobs",
    "write_knobs",
]
