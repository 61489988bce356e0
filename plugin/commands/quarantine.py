"""``twinveil quarantine``: what was held back, and what a person decides about it, one by one or many at a time."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dicom_io.header import SiteKey
from plugin.commands.account import whoever_asks
from plugin.commands.exit_status import ExitStatus, exits
from plugin.commands.options import ConfigOption, JsonOption, ReasonOption, ReviewerOption
from plugin.commands.terminal import aligned, say
from plugin.config import load_configuration
from plugin.errors import ReviewRefused

if TYPE_CHECKING:
    from plugin.quarantine import Entry, Quarantine, Review

quarantine_app = typer.Typer(no_args_is_help=True, help="What was held back, and why.")

EntryArgument = Annotated[str, typer.Argument(help="Name of the entry, or how it begins.")]
EntriesArgument = Annotated[
    list[str] | None, typer.Argument(metavar="[ENTRY]...", help="Names of entries, or how they begin.")
]
ErrorOption = Annotated[
    str | None, typer.Option("--error", help="All that were refused with this error, as `list` shows it.")
]
StageOption = Annotated[str | None, typer.Option("--stage", help="All that were refused in this stage.")]


@dataclass(frozen=True)
class Choice:
    """Which entries are meant: those named, and of them, or of all, those that the filter lets through."""

    names: tuple[str, ...] = ()
    error: str | None = None
    stage: str | None = None

    def of(self, entries: list[Entry]) -> list[Entry]:
        """The entries that are meant, each once. Raises ``ReviewRefused`` where that is not clear, or none is."""
        if not self.names and self.error is None and self.stage is None:
            raise ReviewRefused("name entries, or choose them by --error or --stage; see `twinveil quarantine list`")
        chosen = [_named(name, entries) for name in self.names] if self.names else entries
        chosen = [entry for entry in dict.fromkeys(chosen) if self._admits(entry)]
        if not chosen:
            there = Counter(f"{entry.refusal.error} at {entry.refusal.stage}" for entry in entries)
            held = ", ".join(f"{count} {what}" for what, count in sorted(there.items())) or "nothing"
            raise ReviewRefused(f"nothing that is held back was meant by that; there is {held}")
        return chosen

    def _admits(self, entry: Entry) -> bool:
        return self.error in {None, entry.refusal.error} and self.stage in {None, entry.refusal.stage}


def _named(beginning: str, entries: list[Entry]) -> Entry:
    found = [entry for entry in entries if entry.name.startswith(beginning)]
    if len(found) != 1:
        raise ReviewRefused(f"no entry, or more than one, begins with {beginning}; see `twinveil quarantine list`")
    return found[0]


@quarantine_app.command("list")
@exits
def list_entries(
    config: ConfigOption = Path("twinveil.toml"),
    error: ErrorOption = None,
    stage: StageOption = None,
    as_json: JsonOption = False,
) -> ExitStatus:
    """Everything that is held back. Names are whole; their first few characters are enough for other commands."""
    filter_ = Choice(error=error, stage=stage)
    entries = [entry for entry in _quarantine(config).entries() if filter_._admits(entry)]
    if as_json:
        say(json.dumps([described(entry) for entry in entries], indent=2))
        return ExitStatus.RELEASED
    if not entries:
        say("nothing is held back")
    rows = [(entry.name, entry.since, entry.refusal.stage, entry.refusal.error) for entry in entries]
    for line in aligned([("Entry", "Since", "Stage", "Error"), *rows]) if rows else ():
        say(line)
    return ExitStatus.RELEASED


@quarantine_app.command("show")
@exits
def show_entry(
    entry: EntryArgument, config: ConfigOption = Path("twinveil.toml"), as_json: JsonOption = False
) -> ExitStatus:
    """Why one instance is held back, with the gate's figures, and what may be decided."""
    from plugin.auditing import AuditTrail

    found = _named(entry, _quarantine(config).entries())
    AuditTrail(load_configuration(config)).reviewed("look", whoever_asks(), found.study)
    told = described(found)
    if as_json:
        say(json.dumps(told, indent=2))
        return ExitStatus.RELEASED
    say(f"entry     {found.name}\nsince     {found.since}\nsource    {found.digest}\nstudy     {found.study}")
    say(f"refused   at {found.refusal.stage}: {found.refusal.error}: {found.refusal.reason}")
    say(f"advice    {found.refusal.advice}")
    say(f"bytes     {'sealed' if found.sealed else 'not sealed yet, the disk is full'}")
    say(f"release   {told['release']}")
    return ExitStatus.RELEASED


@quarantine_app.command("release")
@exits
def release_entries(
    reviewer: ReviewerOption,
    reason: ReasonOption,
    entries: EntriesArgument = None,
    error: ErrorOption = None,
    stage: StageOption = None,
    config: ConfigOption = Path("twinveil.toml"),
) -> ExitStatus:
    """Send instances through the pipeline once more. The photographs themselves never leave."""

    def release(review: Review, entry: Entry) -> str:
        waived = review.release(entry.name, reviewer=reviewer, reason=reason)
        return f"it goes through the pipeline once more; waived: {', '.join(waived) or 'nothing'}"

    return _decide(config, Choice(tuple(entries or ()), error, stage), release)


@quarantine_app.command("discard")
@exits
def discard_entries(
    reviewer: ReviewerOption,
    reason: ReasonOption,
    entries: EntriesArgument = None,
    error: ErrorOption = None,
    stage: StageOption = None,
    config: ConfigOption = Path("twinveil.toml"),
) -> ExitStatus:
    """Remove instances for good."""

    def discard(review: Review, entry: Entry) -> str:
        review.discard(entry.name, reviewer=reviewer, reason=reason)
        return "it is gone for good"

    return _decide(config, Choice(tuple(entries or ()), error, stage), discard)


def described(entry: Entry) -> dict[str, Any]:
    """An entry for programs: everything that `show` tells."""
    from plugin.quarantine import outlook

    return {
        "entry": entry.name,
        "since": entry.since,
        "source": entry.digest,
        "study": entry.study,
        "stage": entry.refusal.stage,
        "error": entry.refusal.error,
        "reason": entry.refusal.reason,
        "advice": entry.refusal.advice,
        "release": outlook(entry.refusal),
        "sealed": entry.sealed,
    }


def _decide(config: Path, choice: Choice, act: Callable[[Review, Entry], str]) -> ExitStatus:
    """One line for each entry that is meant. One that may not be decided so does not keep the others from it."""
    from plugin.auditing import AuditTrail
    from plugin.quarantine import Review

    configuration = load_configuration(config)
    key = SiteKey.from_file(configuration.key_path)
    review = Review(configuration.state_folder, key, configuration.records, AuditTrail(configuration))
    refused = [line for line in _decisions(review, choice, act) if line]
    return ExitStatus.USAGE if refused else ExitStatus.RELEASED


def _decisions(review: Review, choice: Choice, act: Callable[[Review, Entry], str]) -> Iterator[bool]:
    """Whether each was refused, told as it comes."""
    for entry in choice.of(review.quarantine.entries()):
        try:
            say(f"{entry.name}  {act(review, entry)}")
            yield False
        except ReviewRefused as error:
            say(f"twinveil: {error}", err=True)
            yield True


def _quarantine(config: Path) -> Quarantine:
    from plugin.quarantine import Quarantine

    return Quarantine(load_configuration(config).state_folder / "quarantine")
