"""``twinveil init``: a configuration in which every setting is explained, and a new key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from annotated_types import Ge, Gt, Le
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from dicom_io.header import generate_key_file
from plugin.config import Caller, Configuration, DestinationSection
from plugin.durable import write_file
from plugin.errors import ConfigurationRefused

CONFIGURATION_NAME, KEY_NAME = "twinveil.toml", "twinveil.key"

EXAMPLES: dict[type[BaseModel], dict[str, Any]] = {
    Caller: {"ae_title": "CAMERA", "network": "10.1.2.0/24"},
    DestinationSection: {"name": "archive", "ae_title": "ORTHANC", "host": "10.1.2.3", "port": 4242},
}
"""What the commented-out tables show."""


def initialise(folder: Path) -> tuple[Path, Path]:
    """Write both files into ``folder``. Raises ``ConfigurationRefused`` or ``KeyRefused`` where there are some."""
    configuration, key = folder / CONFIGURATION_NAME, folder / KEY_NAME
    if configuration.exists():
        raise ConfigurationRefused(f"{configuration} exists and is kept; move it away first, or choose another folder")
    folder.mkdir(parents=True, exist_ok=True)
    generate_key_file(key)
    write_file(configuration, commented_configuration().encode(), mode=0o644)
    return configuration, key


def commented_configuration() -> str:
    """TOML with every setting at its default and what it means above it. It loads as it stands."""
    lines = ["# Twinveil. Every setting is optional except the tables of callers and destinations.", ""]
    for name, field in Configuration.model_fields.items():
        if name == "folder" or _is_section(field) or name in {"callers", "destinations"}:
            continue
        lines += _setting(name, KEY_NAME if name == "key_file" else field.default, field)
    for name, field in Configuration.model_fields.items():
        if name in {"callers", "destinations"}:
            model = Caller if name == "callers" else DestinationSection
            lines += [f"# {field.description}", f"# [[{name}]]"]
            for key, part in model.model_fields.items():
                value = EXAMPLES[model].get(key, part.default)
                lines += [f"# {key} = {_toml(value)}    # {part.description}"]
            lines.append("")
        elif _is_section(field):
            assert isinstance(field.default, BaseModel)
            section = type(field.default)
            lines += [f"# {(section.__doc__ or '').strip()}", f"[{name}]"]
            for key, part in section.model_fields.items():
                lines += _setting(key, part.default, part)
    return "\n".join(lines).rstrip() + "\n"


def _is_section(field: FieldInfo) -> bool:
    return isinstance(field.default, BaseModel)


def _setting(name: str, value: Any, field: FieldInfo) -> list[str]:
    return [f"# {field.description}{_in_brackets(bounds_of(field))}", f"{name} = {_toml(value)}", ""]


def bounds_of(field: FieldInfo) -> str:
    """What a number may be, in words; empty where anything goes."""
    low = next((f"at least {part.ge}" for part in field.metadata if isinstance(part, Ge)), "")
    low = next((f"more than {part.gt}" for part in field.metadata if isinstance(part, Gt)), low)
    high = next((f"at most {part.le}" for part in field.metadata if isinstance(part, Le)), "")
    return ", ".join(bound for bound in (low, high) if bound)


def _in_brackets(bounds: str) -> str:
    return f" ({bounds})" if bounds else ""


def _toml(value: Any) -> str:
    """A string, number or truth value; JSON's spelling of these is TOML's."""
    return json.dumps(value, ensure_ascii=False)
