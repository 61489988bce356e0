"""Examples under the help of commands."""

from __future__ import annotations

import typer

EXAMPLES: dict[str, tuple[str, ...]] = {
    "init": ("twinveil init /etc/twinveil",),
    "serve": ("twinveil serve --config /etc/twinveil/twinveil.toml",),
    "process": (
        "twinveil process scans/ --out twins --key site.key",
        "twinveil process --explain scan.dcm --key site.key",
    ),
    "header": ("twinveil header scans/ --out headers --key site.key",),
    "sweep": ("twinveil sweep --option retain_uids --out sweep.json",),
    "demo": ("twinveil demo --out demo",),
    "evaluate": (
        "twinveil evaluate --patients 60 --out scorecard",
        "twinveil evaluate --photographs albums/ --held-out --out scorecard",
    ),
    "train": ("twinveil train heal --assets assets/ --work training",),
    "calibrate": ("twinveil calibrate people/ --out clinic.toml --name clinic --origin 'the clinic, 2026'",),
    "tune": ("twinveil tune --model /models/FLUX.2-klein-base-4B --photographs ours/ --out tuned.toml --device cuda",),
    "models bank": ("twinveil models bank --model /models/FLUX.2-klein-base-4B --out klein.safetensors --device cuda",),
    "check": (
        "twinveil check --config /etc/twinveil/twinveil.toml",
        "twinveil check --json",
    ),
    "conformance": ("twinveil conformance > conformance-statement.md",),
    "status": ("twinveil status --json",),
    "reprocess": ("twinveil reprocess 3fa9c2 --reviewer 'Dr. Ashdown' --reason 'a better model'",),
    "quarantine list": ("twinveil quarantine list --json",),
    "quarantine show": ("twinveil quarantine show 3fa9c2",),
    "quarantine release": ("twinveil quarantine release 3fa9c2 --reviewer 'Dr. Ashdown' --reason 'no face in it'",),
    "quarantine discard": ("twinveil quarantine discard 3fa9c2 --reviewer 'Dr. Ashdown' --reason 'blurred'",),
    "destinations pause": ("twinveil destinations pause research",),
    "destinations resume": ("twinveil destinations resume research",),
    "destinations retry": ("twinveil destinations retry research",),
    "destinations rename": (
        "twinveil destinations rename research archive --reviewer 'Dr. Ashdown' --reason 'it has a new name'",
    ),
    "destinations give-up": (
        "twinveil destinations give-up research --reviewer 'Dr. Ashdown' --reason 'the study ended'",
    ),
    "users add": ("twinveil users add 'Dr. Ashdown' --role reviewer",),
    "users list": ("twinveil users list --json",),
    "users remove": ("twinveil users remove 'Dr. Ashdown'",),
    "integrations list": ("twinveil integrations list --json",),
    "integrations write": ("twinveil integrations write orthanc --out /etc/twinveil/orthanc --host 10.1.2.5",),
}
"""By the words of the command."""


def add_examples(app: typer.Typer, words: tuple[str, ...] = ()) -> None:
    """Put the examples under the help of every command of ``app``."""
    for command in app.registered_commands:
        name = str(command.name or getattr(command.callback, "__name__", ""))
        examples = EXAMPLES.get(" ".join((*words, name)))
        if examples:
            # An empty line between two keeps typer from running them together.
            command.epilog = "\n\n".join((f"Example{'s' if len(examples) > 1 else ''}:", *examples))
    for group in app.registered_groups:
        if group.typer_instance is not None and group.name:
            add_examples(group.typer_instance, (*words, group.name))
