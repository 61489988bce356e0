"""Templates become files. A value is escaped for the kind of file it goes into, by the file's suffix."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

from dicom_io.standard import PHOTOGRAPH_CLASSES
from plugin.durable import write_file
from plugin.errors import ConfigurationRefused
from plugin.integrations.catalogue import INTEGRATIONS
from plugin.integrations.site import Site

SUFFIX = ".template"

PLACE = re.compile(r"@\{(\w+)\}")
"""Where a value goes. Only with braces: scripts have their own use for ``$`` and ``@``."""


def _in_words(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


ESCAPES: dict[str, Callable[[Any], str]] = {
    ".json": lambda value: json.dumps(value, ensure_ascii=False),
    ".sh": lambda value: shlex.quote(_in_words(value)),
    ".md": _in_words,
}
"""By suffix. A file of another kind holds no place: it reads its settings from one that is listed here."""


def write_integration(name: str, site: Site, out: Path, *, now: datetime | None = None) -> list[Path]:
    """Write the files of the integration ``name`` into the folder ``out``; their paths.

    ``now``: studies that an archive received before it are not sent by themselves. Raises ``ConfigurationRefused``
    where a file of that name exists, which is kept; then nothing is written.
    """
    values = asdict(site) | _conditions(site) | {
        "since": (now or datetime.now(UTC)).strftime("%Y%m%dT%H%M%S"),
        "script": str(out.resolve() / INTEGRATIONS[name].script),
    }  # fmt: skip
    filled = {out / target: fill(text, values, Path(target).suffix) for target, text in templates_of(name).items()}
    for path in filled:
        if path.exists():
            raise ConfigurationRefused(f"{path} exists and is kept; move it away first, or choose another folder")
    out.mkdir(parents=True, exist_ok=True)
    for path, text in filled.items():
        write_file(path, text.encode(), mode=0o755 if path.suffix == ".sh" else 0o644)
    return list(filled)


def _conditions(site: Site) -> dict[str, Any]:
    """What to send and what not, as each system wants to be told."""
    classes = [str(uid) for uid in PHOTOGRAPH_CLASSES]
    sender = json.dumps(site.results_from)  # a string literal of Python, too
    return {
        "sop_classes": classes,
        "node_port_text": str(site.node_port),
        "exporter_uri": f"dicom:{site.node_ae}",
        "condition_classes": "SOPClassUID=" + "|".join(map(re.escape, classes)),
        "condition_sender": f"SendingApplicationEntityTitle!={re.escape(site.results_from)}",
        "mercure_rule": f"tags.SOPClassUID in {json.dumps(classes)} and tags.SenderAET != {sender}",
    }


def templates_of(name: str) -> dict[str, str]:
    """The templates of an integration, by the names of the files that they become."""
    folder = files("plugin.integrations") / "templates" / name
    return {
        entry.name.removesuffix(SUFFIX): entry.read_text(encoding="utf-8")
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(SUFFIX)
    }


def fill(template: str, values: Mapping[str, Any], suffix: str) -> str:
    """``template`` with every ``@{name}`` as the value of that name, escaped for a file with ``suffix``."""
    return PLACE.sub(lambda place: ESCAPES[suffix](values[place[1]]), template)
