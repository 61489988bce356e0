"""How long a peer may take to ask, and how many may sit there without asking: uvicorn has no such bounds."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from dicom_io.receiving.limits import ConnectionLimits


def bounded_protocol(limits: ConnectionLimits) -> type[H11Protocol]:
    """uvicorn's protocol, by which each connection asks within ``request_seconds`` or is closed.

    Of connections that have asked for nothing there are ``max_pending`` at a time: the oldest gives way.
    """

    class BoundedProtocol(H11Protocol):
        _late: asyncio.TimerHandle | None = None
        _since = 0.0

        @property
        def _asks_for_nothing(self) -> bool:
            cycle = cast("RequestResponseCycle | None", self.cycle)  # None until the first request
            return cycle is None or cycle.response_complete

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._since = self.loop.time()
            self._watch()
            pending = [one for one in self.connections if isinstance(one, BoundedProtocol) and one._asks_for_nothing]
            if len(pending) > limits.max_pending:
                min(pending, key=lambda one: one._since).transport.abort()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self._watch()

        def connection_lost(self, exc: Exception | None) -> None:
            if self._late is not None:
                self._late.cancel()
            super().connection_lost(exc)

        def _watch(self) -> None:
            if self._asks_for_nothing and self._late is None:
                self._late = self.loop.call_later(limits.request_seconds, self._too_late)
            elif not self._asks_for_nothing and self._late is not None:
                self._late.cancel()
                self._late = None

        def _too_late(self) -> None:
            self._late = None
            if self._asks_for_nothing:
                self.transport.abort()

    return BoundedProtocol
