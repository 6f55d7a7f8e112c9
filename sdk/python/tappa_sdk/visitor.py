"""Who visits: the anonymous id of the page whose request is being answered."""

from __future__ import annotations

from contextvars import ContextVar

COOKIE = "tappa_anonymous_id"
"""Where the page's SDK keeps it."""

current: ContextVar[str | None] = ContextVar("tappa_anonymous_id", default=None)


def anonymous_id() -> str | None:
    """The anonymous id of the request that is being answered, as the middleware found it; None outside of one."""
    return current.get()
