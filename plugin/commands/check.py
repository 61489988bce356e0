"""``twinveil check``: whether a node would run on this configuration, item by item."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from dicom_io.errors import CertificateRefused, DicomError, KeyRefused
from dicom_io.header import SiteKey
from dicom_io.receiving import Tls, TlsSettings
from dicom_io.sending import Kind, examine, negotiate, takes_commitment
from dicom_io.writing import kinds_that_leave
from pipeline.errors import ModelError
from pipeline.text import load_text_remover
from plugin.auditing import SyslogConnection, server_of
from plugin.commands.exit_status import ExitStatus
from plugin.commands.fixes import fix_of
from plugin.commands.terminal import plain_table, printable, say
from plugin.config import Configuration, DestinationSection, load_configuration
from plugin.database import Postgres, reading
from plugin.errors import ConfigurationRefused, DatabaseAway
from plugin.intake import tls_settings
from plugin.node import destination_of, web_destination_of
from plugin.profile_settings import profile_in_words, pseudonyms_of

if TYPE_CHECKING:
    from pipeline.edits import TwinMaker


@dataclass(frozen=True)
class Item:
    """One line of the report. ``status`` is what the command exits with if nothing worse is found."""

    name: str
    finding: str
    status: ExitStatus = ExitStatus.RELEASED


def check(
    path: Path, load_twins: Callable[[Configuration], TwinMaker], console: Console, *, as_json: bool = False
) -> ExitStatus:
    """Print the table, and what to do about each item that failed.

    USAGE when configuration, key or model is at fault, FAILURE when something else is.
    """
    items = list(_items(path, load_twins))
    if as_json:
        say(json.dumps([_as_json(item) for item in items], indent=2))
    else:
        _show(items, console)
    statuses = {item.status for item in items}
    return next(
        (status for status in (ExitStatus.USAGE, ExitStatus.FAILURE) if status in statuses), ExitStatus.RELEASED
    )


def _show(items: list[Item], console: Console) -> None:
    table = plain_table("", "Item", "Finding")
    for item in items:
        mark = Text("ok", "green") if item.status is ExitStatus.RELEASED else Text("failed", "red")
        table.add_row(mark, printable(item.name), printable(item.finding))
    console.print(table)
    failed = [item for item in items if item.status is not ExitStatus.RELEASED]
    if failed:
        fixes = plain_table("To do", "")
        for item in failed:
            fixes.add_row(printable(item.name), fix_of(item.name))
        console.print(fixes)


def _as_json(item: Item) -> dict[str, str | bool]:
    holds = item.status is ExitStatus.RELEASED
    return {"item": item.name, "ok": holds, "finding": item.finding, "fix": "" if holds else fix_of(item.name)}


def _items(path: Path, load_twins: Callable[[Configuration], TwinMaker]) -> Iterator[Item]:
    try:
        configuration = load_configuration(path)
    except ConfigurationRefused as error:
        yield Item("configuration", str(error), ExitStatus.USAGE)
        return
    yield Item("configuration", str(path))
    yield _callers(configuration)
    yield _tls(configuration)
    if configuration.web.on:
        yield _web(configuration)
    yield _key(configuration)
    try:
        for what, finding in profile_in_words(configuration):
            yield Item(what, finding)
    except ConfigurationRefused as error:
        yield Item("profile", str(error), ExitStatus.USAGE)
    yield from _models(configuration, load_twins)
    yield _text()
    yield _disk(configuration)
    yield _database(configuration)
    yield _watching(configuration)
    yield _audit(configuration)
    if configuration.page.is_on:
        yield _page(configuration)
    if not configuration.destinations:
        yield Item("destinations", "none: whatever is made would be quarantined", ExitStatus.USAGE)
    for section in configuration.destinations:
        if section.url:
            yield _web_destination(section, configuration)
        else:
            yield _destination(section, configuration, lossless=configuration.output.lossless)
        if section.commitment:
            yield _commitment(section, configuration)


def _web_destination(section: DestinationSection, configuration: Configuration) -> Item:
    """Whether it is there, is who its certificate says, and would let us store."""
    name = f"destination {section.name}"
    try:
        return Item(name, examine(web_destination_of(section, configuration)))
    except DicomError as error:
        return Item(name, f"{section.url}: {error}", ExitStatus.FAILURE)


def _commitment(section: DestinationSection, configuration: Configuration) -> Item:
    """Whether it answers for what it stores, and could open an association to say so."""
    name = f"commitment of {section.name}"
    try:
        takes = takes_commitment(destination_of(section, configuration))
    except DicomError as error:
        return Item(name, str(error), ExitStatus.FAILURE)
    if not takes:
        return Item(name, "it takes no Storage Commitment; allow it there", ExitStatus.FAILURE)
    called_by = section.ae_title in {caller.ae_title for caller in configuration.callers}
    hint = "" if called_by else f"; {section.ae_title} is no caller, so its report must come where it was asked"
    return Item(name, f"it takes requests{hint}")


def _destination(section: DestinationSection, configuration: Configuration, *, lossless: bool) -> Item:
    """Whether it answers, and takes every kind of object that would be sent there, negotiated as a delivery does."""
    name, where = f"destination {section.name}", f"{section.ae_title} at {section.host}:{section.port}"
    try:
        kinds = [Kind(*kind) for kind in kinds_that_leave(lossless=lossless)]
        found = negotiate(destination_of(section, configuration), kinds)
    except DicomError as error:
        return Item(name, f"{where}: {error}", ExitStatus.FAILURE)
    echo = "answers C-ECHO" if found.verification else "takes no C-ECHO, which does no harm"
    takes = "; ".join(f"{kind.sop_class.name} in {syntax.name}" for kind, syntax in sorted(found.travels_as.items()))
    finding = f"{where} {echo} and takes {takes or 'nothing'}"
    if not found.refused:
        return Item(name, finding)
    refused = "; ".join(kind.in_words for kind in found.refused)
    return Item(name, f"{finding}. It would refuse {refused}: allow it there", ExitStatus.FAILURE)


def _tls(configuration: Configuration) -> Item:
    settings = tls_settings(configuration)
    if settings is None:
        return Item("TLS", "off: photographs come in clear, so keep the port to a network that you trust")
    try:
        Tls(settings)
    except CertificateRefused as error:
        return Item("TLS", str(error), ExitStatus.USAGE)
    return Item("TLS", f"1.2 and 1.3 on port {settings.port}; callers' certificates by {configuration.tls.authorities}")


def _web(configuration: Configuration) -> Item:
    """Whether the port of STOW-RS could be opened, and somebody be known there."""
    from dicom_io.receiving.web import token_is_good

    section = configuration.web
    if section.token_file and not token_is_good(configuration.file(section.token_file)):
        return Item("STOW-RS", f"{section.token_file} holds no token of 16 characters or more", ExitStatus.USAGE)
    by = " and ".join(["a token"] * bool(section.token_file) + ["certificates"] * bool(section.authorities))
    return Item("STOW-RS", f"{section.host}:{section.port}/studies; senders are known by {by}")


def _callers(configuration: Configuration) -> Item:
    if not configuration.callers:
        return Item("callers", "none: every association would be rejected", ExitStatus.USAGE)
    return Item("callers", ", ".join(f"{caller.ae_title} from {caller.network}" for caller in configuration.callers))


def _key(configuration: Configuration) -> Item:
    try:
        key = SiteKey.from_file(configuration.key_path)
    except (ConfigurationRefused, KeyRefused) as error:
        return Item("key", str(error), ExitStatus.USAGE)
    pseudonyms = pseudonyms_of(configuration, key)
    return Item(
        "key",
        f"{configuration.key_path}; project {pseudonyms.project}, generation {pseudonyms.generation}, "
        f"fingerprint {pseudonyms.fingerprint()}",
    )


def _models(configuration: Configuration, load_twins: Callable[[Configuration], TwinMaker]) -> Iterator[Item]:
    """Loaded as for a service, so that whatever is wrong with them is said here; with licence, size and hash."""
    try:
        twins = load_twins(configuration)
    except ModelError as error:
        yield Item("model", str(error), ExitStatus.USAGE)
        return
    yield Item("model", f"{twins.name} {twins.version}, SHA-256 {twins.digest}")
    for edit, facts in twins.facts.items():
        yield Item(f"model for {edit}", facts)
    if configuration.model.folder is not None and not configuration.model.knobs:
        yield Item("knobs", "those that tuning starts from, which nobody measured: run `twinveil tune`")


def _text() -> Item:
    try:
        load_text_remover()
    except ModelError as error:
        return Item("text finder", str(error), ExitStatus.USAGE)
    return Item("text finder", "detector, reader and face finder are the pinned ones")


def _database(configuration: Configuration) -> Item:
    try:
        records = configuration.records
        if not isinstance(records, Postgres):
            return Item("database", f"{records}, for one process")
        with reading(records) as connection:
            (version,) = connection.execute("SHOW server_version").fetchone()
    except ConfigurationRefused as error:
        return Item("database", str(error), ExitStatus.USAGE)
    except DatabaseAway as error:
        return Item("database", str(error), ExitStatus.FAILURE)
    return Item("database", f"PostgreSQL {version} answers; several processes may share the state folder")


def _watching(configuration: Configuration) -> Item:
    section = configuration.watching
    where = f"metrics, health and readiness at {section.host}:{section.port}; whoever reaches it may read them"
    return Item("watching", where if section.is_on else "no port of metrics, health and readiness")


def _page(configuration: Configuration) -> Item:
    """Whether the page could be opened, and who may use it."""
    from plugin.web import Users

    section = configuration.page
    try:
        if section.certificate:
            Tls(TlsSettings(configuration.file(section.certificate), configuration.file(section.key), None))
        users = Users(configuration.state_folder).all()
    except (CertificateRefused, ConfigurationRefused) as error:
        return Item("page", str(error), ExitStatus.USAGE)
    if not users:
        return Item("page", "there are no users: nobody could sign in", ExitStatus.USAGE)
    by = f"the word of {', '.join(section.proxies)}" if section.proxies else "password"
    where = f"{'https' if section.certificate else 'http'}://{section.host}:{section.port}"
    return Item("page", f"{where}; users: {len(users)}, known by {by}")


def _audit(configuration: Configuration) -> Item:
    server = server_of(configuration)
    if server is None:
        return Item("audit trail", "no syslog server: events are not reported")
    where = f"{server.host}:{server.port} ({server.transport})"
    connection = SyslogConnection(server)
    try:
        connection.open()
    except OSError as error:  # ssl.SSLError is one
        why = f"{type(error).__name__}: {error.strerror}"
        return Item("audit trail", f"{where} is not reached ({why}); messages would wait on disk", ExitStatus.FAILURE)
    finally:
        connection.close()
    return Item("audit trail", f"{where} is reached" if server.transport != "udp" else f"{where}, which has no answer")


def _disk(configuration: Configuration) -> Item:
    folder = configuration.state_folder
    standing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free, wanted = shutil.disk_usage(standing).free, configuration.limits.min_free_bytes
    finding = f"{free / 1e9:.1f} GB free for {folder}; {wanted / 1e9:.1f} GB are kept free"
    return Item("disk", finding, ExitStatus.RELEASED if free > wanted else ExitStatus.FAILURE)
