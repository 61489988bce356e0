"""Exit statuses of every command, and which error ends in which."""

from __future__ import annotations

import functools
import traceback
from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import TYPE_CHECKING, ParamSpec

import typer

from dicom_io.errors import CertificateRefused, DicomError, KeyRefused, in_words
from pipeline.errors import ModelError, PipelineError
from plugin.commands.terminal import say
from plugin.errors import ConfigurationRefused, NodeBusy, PackageMissing, PluginError, ReviewRefused, StateRefused

if TYPE_CHECKING:
    from plugin.study import Outcome

P = ParamSpec("P")


class ExitStatus(IntEnum):
    """What the shell is told."""

    RELEASED = 0  # everything was released
    FAILURE = 1
    USAGE = 2  # bad usage or configuration
    QUARANTINED = 3  # at least one instance was quarantined


OPERATOR_CAN_MEND = (
    CertificateRefused, ConfigurationRefused, KeyRefused, ModelError, NodeBusy, PackageMissing, ReviewRefused,
    StateRefused,
)  # fmt: skip
"""Errors of what was asked for or configured."""


def status_of(outcomes: Sequence[Outcome]) -> ExitStatus:
    """Of a command that worked on instances."""
    return ExitStatus.QUARANTINED if any(outcome.refusal for outcome in outcomes) else ExitStatus.RELEASED


def exits(command: Callable[P, ExitStatus]) -> Callable[P, None]:
    """A command for typer out of one that returns its exit status: our errors become one line and a status."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            status = command(*args, **kwargs)
        except OPERATOR_CAN_MEND as error:
            say(f"twinveil: {error}", err=True)
            status = ExitStatus.USAGE
        except (DicomError, PipelineError, PluginError, OSError) as error:
            say(f"twinveil: {type(error).__name__}: {error}", err=True)
            status = ExitStatus.FAILURE
        except (typer.Exit, typer.Abort, typer.BadParameter):
            raise
        except Exception as error:
            # Its own text may quote a header, and so may a traceback, which shows the lines and not their values.
            say(f"twinveil: {in_words(error)}; nobody foresaw this, please report it with these lines", err=True)
            say("".join(traceback.format_tb(error.__traceback__)).rstrip(), err=True)
            status = ExitStatus.FAILURE
        except KeyboardInterrupt:
            say("twinveil: interrupted", err=True)
            status = ExitStatus.FAILURE
        raise typer.Exit(int(status))

    return run
