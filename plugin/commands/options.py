"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

ConfigOption = Annotated[Path, typer.Option("--config", "-c", help="Configuration file.")]
JsonOption = Annotated[bool, typer.Option("--json", help="For programs.")]
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The destination, as the configuration calls it.")]
ReviewerOption = Annotated[str, typer.Option("--reviewer", help="Who decides; kept in the audit log.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; kept in the audit log. Name no patient.")]
ModelOption = Annotated[Path, typer.Option("--model", metavar="FOLDER", help="Folder of a larger model.")]
DeviceOption = Annotated[str, typer.Option("--device", help='"cpu", "cuda" or "cuda:1".')]
PrecisionOption = Annotated[
    str | None, typer.Option("--precision", help="Of its weights; else float32 on the CPU, bfloat16 elsewhere.")
]
OffloadOption = Annotated[bool, typer.Option("--offload", help="Keep on the device only the network that works.")]
WeightsOption = Annotated[
    Path | None, typer.Option("--model", help="Folder of weights, or of a larger model; else the shipped ones.")
]
ViewOption = Annotated[
    Literal["face", "close-up", "dermoscopy"] | None,
    typer.Option("--view", help="Of photographs whose index.csv says none; else by the source's name."),
]
KnobsOption = Annotated[Path | None, typer.Option("--knobs", help="File of `twinveil tune`, for a larger model.")]
BankOption = Annotated[Path | None, typer.Option("--bank", help="File of `twinveil models bank`, likewise.")]
