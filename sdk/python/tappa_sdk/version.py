"""The version of the package, as its users and the server see it."""

from __future__ import annotations

__version__ = "0.1.0"
