"""What a peer may ask of us: one table of bounds, each with its unit and its reason."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ConnectionLimits:
    """What one connection, one address, and all peers together may cost. Seconds, bytes, bytes per second.

    Of the PDU: ``max_pdu_bytes`` is what we announce at negotiation. ``idle_seconds`` bounds each single wait inside a
    PDU and ``min_bytes_per_second`` the PDU as a whole, so that neither silence nor a trickle holds a thread.

    Of the message: ``max_command_bytes`` is many times what a command set needs (PS3.7 E.1 has some thirty elements);
    ``max_instance_bytes`` is where a data set is refused, and at twice that its association is aborted;
    ``max_commitment_bytes`` bounds what is kept in memory of a request for commitment, some 10,000 references.

    Of the connection that has no association yet, which any machine at an allowed address can open:
    ``request_seconds`` from accept to the whole request, TLS handshake included; ``max_pending`` of them in all and
    ``max_pending_per_address`` of one address, beyond which the oldest gives way to the newest.

    Of associations: ``max_associations`` and ``max_associations_per_address``, beyond which one that has been silent
    for ``reclaim_seconds`` gives way; where there is none for ``patience_seconds`` the newcomer is rejected.
    """

    max_pdu_bytes: int = 131_072
    max_command_bytes: int = 16_384
    max_instance_bytes: int = 512 << 20
    max_commitment_bytes: int = 2 << 20
    idle_seconds: float = 10.0
    min_bytes_per_second: int = 50_000
    request_seconds: float = 10.0
    network_seconds: float = 60.0
    max_pending: int = 64
    max_pending_per_address: int = 32
    max_associations: int = 16
    max_associations_per_address: int = 8
    reclaim_seconds: float = 0.5
    patience_seconds: float = 1.5
