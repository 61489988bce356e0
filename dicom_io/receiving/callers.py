"""Who may call: AE titles and the networks that they call from. Nobody is allowed unless named."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network


@dataclass(frozen=True)
class AllowedCaller:
    """A peer that may open associations: its AE title and the addresses it may come from; both must match.

    ``network``: "192.0.2.7", "192.0.2.0/24" or an IPv6 network.
    """

    ae_title: str
    network: str

    def admits(self, ae_title: str, address: str) -> bool:
        """Whether a caller with this title and address is the one meant."""
        return ae_title.strip() == self.ae_title.strip() and self.may_call_from(address)

    def may_call_from(self, address: str) -> bool:
        """Whether ``address`` is one of this caller's, whatever title it will give. Not for what is no address."""
        parsed = _parsed(address)
        return parsed is not None and parsed in self._network

    def __post_init__(self) -> None:
        object.__setattr__(self, "_network", ip_network(self.network, strict=False))

    _network: IPv4Network | IPv6Network = field(init=False, repr=False, compare=False)


def plain_address(address: str) -> str:
    """The address itself, also where IPv6 carries an IPv4 address or a zone; one peer has one address so."""
    parsed = _parsed(address)
    return address if parsed is None else str(parsed)


def _parsed(address: str) -> IPv4Address | IPv6Address | None:
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return None
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        return parsed.ipv4_mapped
    return parsed
