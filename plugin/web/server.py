"""The page's port."""

from __future__ import annotations

from dicom_io.receiving import ConnectionLimits, TlsSettings
from dicom_io.receiving.web import Address, WebServer
from plugin.errors import ConfigurationRefused
from plugin.web.application import page_application
from plugin.web.desk import Desk


def open_page(desk: Desk) -> WebServer:
    """Listening when this returns. Raises ``ConfigurationRefused``, ``CertificateRefused``."""
    configuration = desk.configuration
    section = configuration.page
    tls = None
    if section.certificate:
        tls = TlsSettings(configuration.file(section.certificate), configuration.file(section.key), None)
    server = WebServer(page_application(desk), Address(section.host, section.port, tls, ConnectionLimits()), "page")
    try:
        server.start()
    except OSError as error:
        raise ConfigurationRefused(
            f"page: {section.host}:{section.port} cannot be listened on ({error.strerror}); name another port, or 0 "
            "for none"
        ) from error
    return server
