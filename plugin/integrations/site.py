"""What the files of an integration are filled in with: the node as the other system sees it, and that system."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address

from plugin.config import Configuration, DestinationSection
from plugin.errors import ConfigurationRefused


@dataclass(frozen=True)
class Site:
    """The node's address, and the destination ``archive`` that is also where photographs come from.

    ``results_from``: the AE title that the node calls the archive with. ``caller_ae``: the one that the archive calls
    the node with.
    """

    node_ae: str
    node_host: str
    node_port: int
    node_tls: bool
    results_from: str
    archive_name: str
    archive_ae: str
    caller_ae: str


def site_of(configuration: Configuration, *, destination: str | None = None, host: str | None = None) -> Site:
    """The site of ``configuration``.

    ``destination``: name of the archive; may be left out where there is one. ``host``: where the archive reaches the
    node; may be left out where the node binds one address. Raises ``ConfigurationRefused``, which says what to give.
    """
    archive = _archive(configuration, destination)
    tls = configuration.tls
    port = tls.port if tls.only else configuration.listener.port
    if port == 0:
        raise ConfigurationRefused("the node listens on any free port; give it one: [listener] port, or [tls] port")
    caller = _caller(configuration, archive)
    return Site(
        node_ae=configuration.listener.ae_title,
        node_host=host or _bound_address(configuration.listener.host),
        node_port=port,
        node_tls=tls.only,
        results_from=archive.calling_ae_title,
        archive_name=archive.name,
        archive_ae=archive.ae_title or caller,  # results by STOW-RS have no title of their own
        caller_ae=caller,
    )


def _archive(configuration: Configuration, name: str | None) -> DestinationSection:
    known = {each.name: each for each in configuration.destinations}
    if not known:
        raise ConfigurationRefused("no destination is configured: results need a way back, so list it first")
    if name is None and len(known) > 1:
        raise ConfigurationRefused(f"which destination is it? Give --destination with one of {', '.join(known)}")
    if name is not None and name not in known:
        raise ConfigurationRefused(f"no destination is called {name}; there are {', '.join(known)}")
    return known[name] if name is not None else next(iter(known.values()))


def _caller(configuration: Configuration, archive: DestinationSection) -> str:
    callers = [each.ae_title for each in configuration.callers]
    if archive.ae_title in callers:
        return archive.ae_title
    if len(set(callers)) == 1:
        return callers[0]
    raise ConfigurationRefused(
        f"{archive.ae_title or archive.name} may not call the node: list it among [[callers]], "
        "with the network that it calls from"
    )


def _bound_address(host: str) -> str:
    try:
        everywhere = ip_address(host).is_unspecified
    except ValueError:
        everywhere = not host
    if everywhere:
        raise ConfigurationRefused(
            "the node listens on every address: give --host with the one that the other system reaches it at"
        )
    return host
