"""What goes wrong where it was called. What goes wrong later, on the way, is told to ``on_error`` as a ``Rejected``."""

from __future__ import annotations


class TappaError(Exception):
    """Any error of this package."""


class InvalidMessageError(TappaError, ValueError):
    """A call that says too little, or what JSON cannot say: nothing of it was taken."""


class InvalidReceiptError(TappaError, ValueError):
    """A receipt that has not the shape of one: nothing of it was taken."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        """Where, such as ``lines[2].quantity``."""


class QueueFullError(TappaError):
    """There is no room, and ``full="raise"``: nothing of the call was taken."""

    def __init__(self) -> None:
        super().__init__("the queue is full: more is tracked than can be sent")


class SpoolError(TappaError, OSError):
    """The spool cannot be written or read: nothing of the call was taken."""


class ClosedError(TappaError):
    """The client was closed before the call."""

    def __init__(self) -> None:
        super().__init__("this client is closed")
