"""Errors of the application.

PluginError
├── ConfigurationRefused   the configuration is missing, incomplete, contradictory or names something unknown
├── UnknownTransition      a life cycle was asked for a step that its table does not have
├── PackageMissing         what was asked for needs packages of an extra that is not installed
├── StateRefused           the state folder belongs to another key, or to a later version
├── NodeBusy               another process already works on this state folder
├── DatabaseAway           the database's server cannot be reached
├── ReviewRefused          what a reviewer asked for may not be done to this quarantined instance
├── SealBroken             a sealed file was altered, cut short, or sealed under another key
├── AuditBroken            a line of the audit log is not as it was written
└── DemoFailed             the demonstration did not come to its end
"""

from __future__ import annotations


class PluginError(Exception):
    """Base of everything that ``plugin`` raises on purpose."""


class ConfigurationRefused(PluginError):
    """The node does not start on this configuration. The message names the setting and what to write instead."""


class UnknownTransition(PluginError):
    """``(state, event)`` is not in the table of the life cycle: a programming error, never a matter of data."""


class PackageMissing(PluginError):
    """A package of one of the distribution's extras is needed. The message names the extra."""


class StateRefused(PluginError):
    """The state folder cannot be used as it is. The message says why and what the way out is; nothing was changed."""


class NodeBusy(PluginError):
    """Another process holds the lock of the state folder. Two nodes never share one."""


class DatabaseAway(PluginError):
    """The database's server cannot be reached just now. What is under way waits for it; nothing begins without it."""


class ReviewRefused(PluginError):
    """A quarantined instance may not be released or discarded as asked. The message says why and what may be done."""


class SealBroken(PluginError):
    """A sealed file does not open: another key, another name, or other bytes than were written."""


class AuditBroken(PluginError):
    """The audit log was changed. Nothing is decided until somebody has looked into it."""


class DemoFailed(PluginError):
    """The demonstration's node, its association or its sample data failed."""
