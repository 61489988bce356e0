"""``python -m plugin`` is ``twinveil``."""

from plugin.commands import main

main()
