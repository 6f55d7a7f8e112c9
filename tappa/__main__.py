"""``python -m tappa``."""

from tappa.cli import main

main()
