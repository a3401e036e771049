"""``python -m alluse_assets.cli`` is the ``alluse`` command."""

from alluse_assets.cli import main

main()
