"""The way in by HTTP: the Store transaction (STOW-RS, PS3.18 10.5) into the same spool. Imported where it is wanted.

listener   the port of it
server     any port that speaks HTTP, and its thread
protocol   how long a peer may take to ask
store      the two resources, who may use them, and what is answered
message    the parts of a body
part       one part: a DICOM file as it comes
"""

from dicom_io.receiving.web.listener import WebListener
from dicom_io.receiving.web.server import Address, WebServer
from dicom_io.receiving.web.store import WebSettings, token_is_good

__all__ = ["Address", "WebServer", "WebListener", "WebSettings", "token_is_good"]
