"""Who is at the command line."""

from __future__ import annotations

import os
import pwd


def whoever_asks() -> str:
    """The name of the account, as the operating system knows it."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"
