"""``twinveil users``: who may use the web page, and as what."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from dicom_io.header import SiteKey
from plugin.commands.account import whoever_asks
from plugin.commands.exit_status import ExitStatus, exits
from plugin.commands.options import ConfigOption, JsonOption
from plugin.commands.terminal import aligned, say
from plugin.config import Configuration, load_configuration
from plugin.errors import ConfigurationRefused

if TYPE_CHECKING:
    from plugin.web import Users

users_app = typer.Typer(no_args_is_help=True, help="Who may use the web page.")

UserArgument = Annotated[str, typer.Argument(metavar="NAME", help="The name that they sign in with.")]


@users_app.command("add")
@exits
def add_user(
    name: UserArgument,
    role: Annotated[
        Literal["viewer", "reviewer", "admin"], typer.Option("--role", help="Each may do what those before may.")
    ] = "viewer",
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input instead of asking for it.")
    ] = False,
    by_proxy: Annotated[
        bool, typer.Option("--by-proxy", help="Without a password: the reverse proxy says that it is they.")
    ] = False,
    config: ConfigOption = Path("twinveil.toml"),
) -> ExitStatus:
    """Let somebody use the page. A password has 12 characters or more, and is kept as an argon2id hash."""
    configuration = load_configuration(config)
    password = None if by_proxy else _password(password_stdin)
    user = _users(configuration).add(name, role, password)
    _record(configuration, "add user", name, role)
    say(f"{user.name} is {user.role}")
    return ExitStatus.RELEASED


@users_app.command("list")
@exits
def list_users(config: ConfigOption = Path("twinveil.toml"), as_json: JsonOption = False) -> ExitStatus:
    """Every user, with the role, and whether there is a password."""
    users = _users(load_configuration(config)).all()
    if as_json:
        say(json.dumps([{"name": u.name, "role": u.role, "password": bool(u.password)} for u in users], indent=2))
        return ExitStatus.RELEASED
    if not users:
        say("there are no users; `twinveil users add` makes one")
    rows = [(user.name, user.role, "password" if user.password else "by proxy") for user in users]
    for line in aligned([("Name", "Role", "Signs in by"), *rows]) if rows else ():
        say(line)
    return ExitStatus.RELEASED


@users_app.command("remove")
@exits
def remove_user(name: UserArgument, config: ConfigOption = Path("twinveil.toml")) -> ExitStatus:
    """Let somebody use it no more; who is signed in is out at the next click."""
    configuration = load_configuration(config)
    _users(configuration).remove(name)
    _record(configuration, "remove user", name, "")
    say(f"{name} is gone")
    return ExitStatus.RELEASED


def _users(configuration: Configuration) -> Users:
    from plugin.web import Users

    return Users(configuration.state_folder)


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise ConfigurationRefused("there is no terminal to ask for a password on; pipe it in, with --password-stdin")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))


def _record(configuration: Configuration, action: str, name: str, role: str) -> None:
    from plugin.quarantine import AuditLog

    log = AuditLog(configuration.state_folder / "audit.log", SiteKey.from_file(configuration.key_path))
    log.add(action, user=name, role=role, reviewer=whoever_asks())
