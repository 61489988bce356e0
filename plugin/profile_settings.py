"""The confidentiality profile that a configuration asks for, and what it comes to."""

from __future__ import annotations

import tomllib
from pathlib import Path

from dicom_io.errors import ProfileError
from dicom_io.header import NO_ADDITIONS, ConfidentialityProfile, Pseudonyms, SiteAdditions, SiteKey, named
from dicom_io.standard import OPTIONS, profile_table
from plugin.config import Configuration
from plugin.errors import ConfigurationRefused


def pseudonyms_of(configuration: Configuration, key: SiteKey) -> Pseudonyms:
    """The pseudonyms of the configured project, in its present generation."""
    return Pseudonyms(key, configuration.project, configuration.profile.key_generation)


def profile_of(configuration: Configuration, pseudonyms: Pseudonyms) -> ConfidentialityProfile:
    """The configured profile. Raises ``ConfigurationRefused``, which says what in the profile file is wrong."""
    return ConfidentialityProfile(pseudonyms, frozenset(configuration.profile.options), additions_of(configuration))


def additions_of(configuration: Configuration) -> SiteAdditions:
    """The site's additions in the configured profile file. Raises ``ConfigurationRefused``."""
    if not configuration.profile.file:
        return NO_ADDITIONS
    path = (configuration.folder / Path(configuration.profile.file).expanduser()).resolve()
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationRefused(f"profile.file: {path} cannot be read: {error}") from error
    try:
        return SiteAdditions.read(settings, frozenset(configuration.profile.options))
    except ProfileError as error:
        raise ConfigurationRefused("\n".join(f"{path}: {line}" for line in str(error).splitlines())) from error


def profile_in_words(configuration: Configuration) -> list[tuple[str, str]]:
    """(what, finding) of the resulting profile. Raises ``ConfigurationRefused``."""
    additions = additions_of(configuration)
    table = profile_table()
    chosen = [option for option in OPTIONS if option in configuration.profile.options]
    codes = ", ".join(["113100", *(OPTIONS[option].value for option in chosen)])
    lines = [("profile", f"PS3.15 table E.1-1, {table.edition}, {len(table.rows)} rows; claims {codes}")]
    for option in chosen:
        marks = [row.options[option] for row in table.rows if option in row.options]
        lines.append((f"  {option}", f"retains {marks.count('K')} attributes, cleans {marks.count('C')}"))
    for word, tags in (("keep", additions.keep), ("remove", additions.remove), ("replace", additions.replace)):
        if tags:
            lines.append((f"  site: {word}", ", ".join(named(tag) for tag in sorted(tags))))
    if additions.safe_private:
        private = (f"({each.group:04X},{each.creator},{each.element:02X})" for each in sorted(additions.safe_private))
        lines.append(("  site: safe_private", ", ".join(private)))
    return lines
