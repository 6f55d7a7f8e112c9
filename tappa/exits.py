"""Exit codes."""

from typing import Final

EXIT_DONE: Final = 0
EXIT_NOT_DONE: Final = 1
EXIT_USAGE: Final = 2
EXIT_REFUSED: Final = 78
"""A part's way to tell the supervisor that starting it again will not help: wrong settings, data newer than the program
(``EX_CONFIG`` of sysexits.h)."""
