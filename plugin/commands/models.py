"""``twinveil models``: which larger models can be run, and their banks of prompts."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress

from plugin.commands.exit_status import ExitStatus, exits
from plugin.commands.options import DeviceOption, JsonOption, ModelOption, OffloadOption, PrecisionOption
from plugin.commands.terminal import plain_table, say, terminal
from plugin.errors import ConfigurationRefused

models_app = typer.Typer(help="Larger models: what is supported, and banks of prompts.")


@models_app.callback(invoke_without_command=True)
def models(context: typer.Context, as_json: JsonOption = False) -> None:
    """List what is supported: licence, size, memory, steps, and how to fetch it for a site without a network."""
    if context.invoked_subcommand is None:
        listed(as_json)


@exits
def listed(as_json: bool) -> ExitStatus:
    """What ``twinveil models`` alone does."""
    show(terminal(), as_json=as_json)
    return ExitStatus.RELEASED


@models_app.command()
@exits
def bank(
    model: ModelOption,
    out: Annotated[Path, typer.Option("--out", "-o", help="The bank file to write (safetensors).")],
    device: DeviceOption = "cpu",
    precision: PrecisionOption = None,
    offload: OffloadOption = False,
) -> ExitStatus:
    """Embed every sentence that the edits can ask for, once; a node with the bank loads no text encoders."""
    written = write(model, out, device, precision, offload, terminal(stderr=True))
    say(f'{out}: {written / 1e9:.2f} GB; name it as bank = "{out.resolve()}" in [model]')
    return ExitStatus.RELEASED


def show(console: Console, *, as_json: bool) -> None:
    """The table of ``pipeline.models.published``, for people or for programs."""
    from pipeline.models.published import REFUSED, VARIANTS

    if as_json:
        rows = [{**asdict(each), "memory_gib": _memory(each), "fetch": list(each.fetching())} for each in VARIANTS]
        say(json.dumps({"models": rows, "refused": dict(REFUSED)}, indent=1))
        return
    table = plain_table("Model", "Licence", "Parameters", "Memory", "with a bank", "Steps")
    for each in VARIANTS:
        memory = _memory(each)
        table.add_row(
            each.name, each.licence, f"{each.transformer + each.encoders + each.autoencoder:.1f}e9",
            f"{memory['bfloat16']:.0f} GiB", f"{memory['bfloat16 with a bank']:.0f} GiB", str(each.steps),
        )  # fmt: skip
    console.print(table)
    console.print("\nMemory: weights in bfloat16, before what a step of the network keeps. Steps: of its own sampler.")
    console.print("To fetch one, on a machine with a network and huggingface_hub; then carry the folder to the site:\n")
    for each in VARIANTS:
        for line in each.fetching():
            console.print(f"  {line}", soft_wrap=True)


def write(folder: Path, out: Path, device: str, precision: str | None, offload: bool, console: Console) -> int:
    """Write the bank of the model in ``folder`` to ``out``; returns its bytes.

    Raises ModelError as loading does, ConfigurationRefused where the disk lacks the room.
    """
    from pipeline.models.published import describe_folder, load_model, prompt_bytes, write_bank
    from pipeline.vocabulary import reachable

    sentences = reachable()
    digest = describe_folder(folder).digest()
    loaded = load_model(folder, device, precision, offload=offload)
    needed = prompt_bytes(loaded.embed(max(sentences, key=len))) * len(sentences)
    out.parent.mkdir(parents=True, exist_ok=True)
    if needed > (free := shutil.disk_usage(out.parent).free):
        raise ConfigurationRefused(
            f"the bank takes up to {needed / 1e9:.1f} GB, {free / 1e9:.1f} GB are free in {out.parent}: make room"
        )
    with Progress(console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("embedding", total=len(sentences))
        written = write_bank(out, loaded, digest, sentences, lambda done, _: bar.update(task, completed=done))
    return written


def _memory(variant: Any) -> dict[str, float]:
    """GiB of weights by how it is run."""
    ways = {"bfloat16": (2.0, True), "bfloat16 with a bank": (2.0, False), "int8 with a bank": (1.0, False)}
    return {name: round(variant.memory(*way), 1) for name, way in ways.items()}
