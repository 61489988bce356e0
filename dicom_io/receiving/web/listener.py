"""The port of the Store transaction."""

from __future__ import annotations

from collections.abc import Callable

from dicom_io.receiving.refused_calls import OnRefused, nobody_watches
from dicom_io.receiving.spool import Spool, StoredInstance
from dicom_io.receiving.web.server import Address, WebServer
from dicom_io.receiving.web.store import StoreResource, WebSettings


class WebListener(WebServer):
    """Receives photographs by HTTP. An instance is said to be stored only when it is on disk and ``on_stored`` has
    returned, as with ``Listener``, which is to be started first. ``on_refused`` hears of what is turned away."""

    def __init__(
        self,
        settings: WebSettings,
        spool: Spool,
        on_stored: Callable[[StoredInstance], None],
        *,
        on_refused: OnRefused = nobody_watches,
    ) -> None:
        super().__init__(
            StoreResource(settings, spool, on_stored, on_refused).application(),
            Address(settings.host, settings.port, settings.tls, settings.limits),
            "listener web",
        )
