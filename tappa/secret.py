"""Write keys and passwords."""

from __future__ import annotations

import secrets
import string
from typing import Final

LETTERS: Final = string.ascii_letters + string.digits
"""Nothing that a URL, a shell or a settings file would have to escape."""
LENGTH: Final = 32
"""190 bits."""


def new_secret() -> str:
    """One that nobody can guess."""
    return "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
