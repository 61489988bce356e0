"""``twinveil integrations``: its commands; what they write is in ``plugin.integrations``."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from plugin.commands.exit_status import ExitStatus, exits
from plugin.commands.options import ConfigOption, JsonOption
from plugin.commands.terminal import plain_table, say, terminal
from plugin.config import load_configuration
from plugin.errors import ConfigurationRefused
from plugin.integrations import INTEGRATIONS, site_of, write_integration

integrations_app = typer.Typer(
    no_args_is_help=True, help="Files that plug the node into Orthanc, dcm4chee and others, filled in for this site."
)


@integrations_app.command("list")
@exits
def list_integrations(as_json: JsonOption = False) -> ExitStatus:
    """Which systems there are files for, and how far these are proven."""
    if as_json:
        say(json.dumps({name: asdict(each) for name, each in INTEGRATIONS.items()}, indent=2))
        return ExitStatus.RELEASED
    table = plain_table("Name", "For", "Proven")
    for name, each in INTEGRATIONS.items():
        table.add_row(name, each.title, each.proven)
    terminal().print(table)
    return ExitStatus.RELEASED


@integrations_app.command("write")
@exits
def write(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Which system; see `twinveil integrations list`.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the files.")],
    destination: Annotated[
        str | None, typer.Option("--destination", help="The archive that sends and receives, where there are several.")
    ] = None,
    host: Annotated[str | None, typer.Option("--host", help="Where that system reaches the node.")] = None,
    config: ConfigOption = Path("twinveil.toml"),
) -> ExitStatus:
    """Write the files of one system into a folder. README.md among them says how to install them."""
    if name not in INTEGRATIONS:
        raise ConfigurationRefused(f"there are no files for {name}; there are some for {', '.join(INTEGRATIONS)}")
    site = site_of(load_configuration(config), destination=destination, host=host)
    for path in write_integration(name, site, out):
        say(str(path))
    say(f"Next: read {out / 'README.md'}.")
    return ExitStatus.RELEASED
