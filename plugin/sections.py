"""Sections of the configuration; see ``plugin.config`` for the whole."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from plugin.peer_settings import Section

POSTGRES = ("postgresql://", "postgres://")
"""How the URL of a database begins."""


class DatabaseSection(Section):
    """Where records and the job queue lie. Empty: in a file in the state folder, for one process."""

    url: str = Field(
        default="",
        description="postgresql://user@host/name, for several machines that share the state folder.",
    )
    url_file: str = Field(default="", description="A file that holds the URL instead: it may have a password in it.")

    @model_validator(mode="after")
    def _is_one(self) -> DatabaseSection:
        if self.url and self.url_file:
            raise ValueError("url and url_file: name one of them")
        if self.url and not self.url.startswith(POSTGRES):
            raise ValueError(f"url: begins with {POSTGRES[0]}")
        return self


class WorkerSection(Section):
    """What a process takes on that works on studies."""

    lanes: tuple[Literal["urgent", "small", "large"], ...] = Field(
        default=("urgent", "small", "large"),
        min_length=1,
        description="Lanes that it takes studies from; on machines without an accelerator, leave large to others.",
    )
    large_pixels: int = Field(
        default=50_000_000, ge=1_000_000, le=10**12,
        description="Pixels of all its photographs together from which on a study waits in the lane large.",
    )  # fmt: skip
    dead_after_seconds: float = Field(
        default=5.0, ge=1.0, le=3600.0,
        description="Without a sign of life for so long, a process is taken for dead and its jobs are taken over.",
    )  # fmt: skip

    @field_validator("lanes", mode="before")
    @classmethod
    def _lists_are_tuples(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value
