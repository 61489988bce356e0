"""An honest sender, who stores one instance and goes, and expects that to be quick whatever else happens."""

from __future__ import annotations

import time

from tests.attack.peer import RawPeer, element

HONEST = "127.0.0.5"
PROMPT_SECONDS = 2.0


def honest_store(port: int, number: int) -> float | None:
    """Seconds that one store took, association and all; None where it did not succeed in time."""
    begun = time.monotonic()
    study = element(0x0020, 0x000D, b"UI", f"1.2.3.{number % 10}".encode() + b"\0" * (number % 10 > 9))
    content = study + element(0x0029, 0x0010, b"LO", b"X ")
    content += b"".join(element(0x0029, 0x1000 + part, b"LT", b"honest  " * 1000) for part in range(8))
    try:
        with RawPeer(port, HONEST, timeout=PROMPT_SECONDS) as peer:
            if not peer.associate() or peer.store(content) != 0:
                return None
            peer.send(b"\x05\0\0\0\0\x04\0\0\0\0")
            peer.read()
    except OSError:
        return None
    seconds = time.monotonic() - begun
    return seconds if seconds <= PROMPT_SECONDS else None
