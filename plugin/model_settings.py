"""The section ``[model]`` of the configuration: which model makes which edit, and how a larger one is run."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from plugin.peer_settings import Section

EMBEDDED = "embedded"


class ModelSection(Section):
    """The rectified-flow model that edits. What follows ``device`` is for a larger model alone."""

    name: str = Field(
        default=EMBEDDED, min_length=1, description='"embedded", or the folder of a larger model (`twinveil models`).'
    )
    heal: str = Field(default="", description="Whose the healing is, where it is not that of the model by name.")
    swap: str = Field(default="", description="Whose the swap is, likewise. One of two may be a larger model.")
    device: str = Field(default="cpu", min_length=1, description='Of a larger model: "cpu", "cuda" or "cuda:1".')
    precision: Literal["", "float32", "bfloat16", "float16", "int8", "fp8"] = Field(
        default="", description="Of its weights; empty is float32 on the CPU and bfloat16 elsewhere."
    )
    offload: bool = Field(default=False, description="Keep on the device only the network that works; slower.")
    compiled: bool = Field(default=False, description="Compile it: minutes at the first photograph, then faster.")
    tiled: bool = Field(default=False, description="Tile the autoencoder against memory; seams may show.")
    together: int = Field(
        default=1, ge=1, le=16, description="Photographs of a study in one evaluation of its network; more memory."
    )
    sha256: Annotated[str, StringConstraints(pattern=r"^([0-9a-fA-F]{64})?$")] = Field(
        default="", description="What its SHA-256 must be (`twinveil check` shows it); empty takes any."
    )
    knobs: str = Field(default="", description="File of `twinveil tune`; empty runs with values nobody measured.")
    bank: str = Field(default="", description="File of `twinveil models bank`: no text encoder is loaded then.")

    @property
    def healing(self) -> str:
        """Whose the healing is: "embedded" or a folder."""
        return self.heal or self.name

    @property
    def swapping(self) -> str:
        """Whose the swap is."""
        return self.swap or self.name

    @property
    def folder(self) -> str | None:
        """The larger model's folder, as it is written; None where there is none."""
        return next((each for each in (self.healing, self.swapping) if each != EMBEDDED), None)

    @model_validator(mode="after")
    def _is_one_larger_model(self) -> ModelSection:
        if len({self.healing, self.swapping} - {EMBEDDED}) > 1:
            raise ValueError('heal and swap name two larger models; one of both may be "embedded" instead')
        larger = ("precision", "offload", "compiled", "tiled", "sha256", "knobs", "bank")
        if self.folder is None and (set_for_nothing := [each for each in larger if getattr(self, each)]):
            raise ValueError(f"{', '.join(set_for_nothing)}: only a larger model has that")
        if self.folder is None and self.together > 1:
            raise ValueError("together: the embedded model takes one photograph after the other")
        if self.folder is None and self.device != "cpu":
            raise ValueError("device: the embedded model runs on the CPU")
        return self
