"""``twinveil destinations``: its commands; what they do is in ``plugin.delivery``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from plugin.commands.exit_status import ExitStatus, exits
from plugin.commands.options import ConfigOption, NameArgument, ReasonOption, ReviewerOption
from plugin.commands.terminal import say
from plugin.config import load_configuration

if TYPE_CHECKING:
    from plugin.delivery import Deliveries

destinations_app = typer.Typer(no_args_is_help=True, help="Where results go: pause, resume, retry, rename, give up.")


def _deliveries(config: Path) -> Deliveries:
    from plugin.delivery import Deliveries

    return Deliveries(load_configuration(config))


@destinations_app.command("pause")
@exits
def pause_destination(name: NameArgument, config: ConfigOption = Path("twinveil.toml")) -> ExitStatus:
    """Send nothing more there until it is resumed; what is made in the meantime waits."""
    _deliveries(config).pause(name)
    say(f"{name} is paused")
    return ExitStatus.RELEASED


@destinations_app.command("resume")
@exits
def resume_destination(name: NameArgument, config: ConfigOption = Path("twinveil.toml")) -> ExitStatus:
    """Serve it again."""
    _deliveries(config).resume(name)
    say(f"{name} is served again")
    return ExitStatus.RELEASED


@destinations_app.command("retry")
@exits
def retry_destination(name: NameArgument, config: ConfigOption = Path("twinveil.toml")) -> ExitStatus:
    """Try it at once, and everything that it did not take so far."""
    _deliveries(config).retry(name)
    say(f"{name} is tried at once")
    return ExitStatus.RELEASED


@destinations_app.command("rename")
@exits
def rename_destination(
    name: NameArgument,
    to: Annotated[str, typer.Argument(help="The configured name that it has now.")],
    reviewer: ReviewerOption,
    reason: ReasonOption,
    config: ConfigOption = Path("twinveil.toml"),
) -> ExitStatus:
    """Send what waits for a name that is no longer configured to one that is."""
    moved = _deliveries(config).rename(name, to, reviewer=reviewer, reason=reason)
    say(f"{moved} objects that waited for {name} wait for {to} now")
    return ExitStatus.RELEASED


@destinations_app.command("give-up")
@exits
def give_up_destination(
    name: NameArgument,
    reviewer: ReviewerOption,
    reason: ReasonOption,
    job: Annotated[str | None, typer.Option("--job", help="Only what this job made; see `status --json`.")] = None,
    config: ConfigOption = Path("twinveil.toml"),
) -> ExitStatus:
    """Never send what waits for a destination; the other destinations of these studies still get theirs."""
    given_up = _deliveries(config).give_up(name, job, reviewer=reviewer, reason=reason)
    say(f"{given_up} objects will not go to {name}")
    return ExitStatus.RELEASED
