"""``python -m plugin`` is ``twinveil``."""

from plugin.cli import main

main()
