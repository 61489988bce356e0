"""The command line, one module a command. Only what a person types or sees enters; what it starts lives elsewhere."""

from plugin.commands.cli import main
from plugin.commands.pages import generated_pages

__all__ = [
    "generated_pages",
    "main",
]
