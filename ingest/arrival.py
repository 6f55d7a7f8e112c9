"""How a request's items arrive, and the rules that they are judged by."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from ingest.identifiers import Reader
from ingest.settings import IdentitySettings, IngestSettings
from ingest.sources import Source
from ingest.times import Clock


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """All that decides about an item and is the same for every request."""

    settings: IngestSettings
    reader: Reader
    clock: Clock
    currency: str
    new_id: Callable[[], str]

    @classmethod
    def of(
        cls, settings: IngestSettings, identity: IdentitySettings, currency: str, new_id: Callable[[], str]
    ) -> Rules:
        """The rules that the settings say."""
        return cls(
            settings=settings, reader=Reader(identity), clock=Clock.of(settings), currency=currency, new_id=new_id
        )


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for all items of one request."""

    source: Source
    endpoint: str
    type: str = ""
    """The type that the endpoint says, for single messages."""
    received_at: int
    correction: int = 0
    """What to add to the sender's times."""
    receipt: str = ""
    """The key of the receipt that all items are about, beside what they say themselves."""
    context: bytes = b""
    """The envelope's context."""
