"""``python -m tappa_sdk``: what can be done without writing code."""

from __future__ import annotations

import sys

from tappa_sdk.commands import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
