"""The reference pages of the documentation: every setting and every command, from what the program itself knows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from plugin.commands.conformance import table
from plugin.commands.init import bounds_of
from plugin.config import KEY_VARIABLE, Caller, Configuration, DestinationSection

REPEATED: dict[str, type[BaseModel]] = {"callers": Caller, "destinations": DestinationSection}
"""Tables that may stand several times."""


def settings_page() -> str:
    """Every setting of the configuration file in Markdown: default, range, meaning."""
    fields = Configuration.model_fields
    single = {name: field for name, field in fields.items() if name != "folder" and not _section(name, field)}
    parts = [
        "# Settings",
        "One TOML file, validated at the start; a setting that is not listed here is refused. `twinveil init` writes a "
        "commented one. Relative paths start at the folder of the file. Where `key_file` is absent, the environment "
        f"variable `{KEY_VARIABLE}` names the key.",
        "## At the top of the file",
        _settings(single),
    ]
    for name, field in fields.items():
        model = _section(name, field)
        if model is not None:
            heading = f"[[{name}]]" if name in REPEATED else f"[{name}]"
            said = field.description if name in REPEATED else " ".join((model.__doc__ or "").split())
            parts += [f"## `{heading}`", said or "", _settings(model.model_fields)]
    return "\n\n".join(parts) + "\n"


def _section(name: str, field: FieldInfo) -> type[BaseModel] | None:
    if name in REPEATED:
        return REPEATED[name]
    return type(field.default) if isinstance(field.default, BaseModel) else None


def _settings(fields: dict[str, FieldInfo]) -> str:
    rows = ((f"`{name}`", _default(field), field.description or "", bounds_of(field)) for name, field in fields.items())
    return table(("Setting", "Default", "Meaning", "Range"), rows)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "none: it must be given"
    value: Any = field.default
    if value is None:
        return "none"
    if isinstance(value, tuple):
        value = list(value)
    return f"`{str(value).lower() if isinstance(value, bool) else value!r}`".replace("'", '"')


def commands_page(app: typer.Typer) -> str:
    """Every command of ``app`` in Markdown: what it does, its arguments and options."""
    root = typer.main.get_command(app)
    parts = ["# Commands", (root.help or "").strip()]
    for words, command in walk(root):
        parts += [f"## `twinveil {' '.join(words)}`", " ".join((command.help or "").split("\f")[0].split())]
        rows = [(_names(each), each.help or "") for each in _parameters(command)]
        if rows:
            parts.append(table(("Argument or option", "Meaning"), rows))
    return "\n\n".join(parts) + "\n"


def walk(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command below ``command`` that is no group, and the words that it is called by."""
    for name, each in getattr(command, "commands", {}).items():
        if getattr(each, "commands", None):
            yield from walk(each, (*words, name))
        else:
            yield (*words, name), each


def _parameters(command: Any) -> list[Any]:
    return [each for each in command.params if each.name != "help"]


def _names(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{parameter.metavar or parameter.name.upper()}`"
    return ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
