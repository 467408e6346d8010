"""``python -m jiehuan`` is the ``jiehuan`` command."""

from jiehuan.cli.main import main

main()
