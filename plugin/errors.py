"""Errors of the application.

PluginError
├── ConfigurationRefused   the configuration is missing, incomplete, contradictory or names something unknown
├── UnknownTransition      a life cycle was asked for a step that its table does not have
├── PackageMissing         what was asked for needs packages of an extra that is not installed
├── NodeBusy               another process already works on this state folder
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


class NodeBusy(PluginError):
    """Another process holds the lock of the state folder. Two nodes never share one."""


class DemoFailed(PluginError):
    """The demonstration's node, its association or its sample data failed."""
