"""Sends touchpoints and receipts to Tappa: nothing lost on the way, nothing counted twice."""

from __future__ import annotations

from tappa_sdk.aio import AsyncTappa
from tappa_sdk.errors import (
    ClosedError,
    InvalidMessageError,
    InvalidReceiptError,
    QueueFullError,
    SpoolError,
    TappaError,
)
from tappa_sdk.item import Rejected
from tappa_sdk.middleware import TappaMiddleware
from tappa_sdk.receipt import Customer, Line, Referred
from tappa_sdk.sync import Tappa
from tappa_sdk.version import __version__
from tappa_sdk.visitor import anonymous_id

__all__ = [
    "AsyncTappa",
    "ClosedError",
    "Customer",
    "InvalidMessageError",
    "InvalidReceiptError",
    "Line",
    "QueueFullError",
    "Referred",
    "Rejected",
    "SpoolError",
    "Tappa",
    "TappaError",
    "TappaMiddleware",
    "__version__",
    "anonymous_id",
]
