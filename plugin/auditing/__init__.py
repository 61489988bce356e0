"""The audit trail in the words of DICOM (PS3.15 A.5) over syslog. Nothing enters that could name a patient."""

from plugin.auditing.syslog import Server, SyslogConnection
from plugin.auditing.trail import AuditTrail, server_of

__all__ = [
    "AuditTrail",
    "Server",
    "SyslogConnection",
    "server_of",
]
