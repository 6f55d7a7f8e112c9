"""The sample shop through HTTP: messages to ``/v1/batch`` by the source ``shop``, receipts to ``/v1/receipts`` by
``stores``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Final

import msgspec

from ingest.sources import Source
from tappa.demo.touch import Touch
from tappa.imports.delivery import ITEMS_MAX, Parcel, deliver
from tappa.imports.target import ingest_url, wait_until_known, write_key

SHOP: Final = Source(name="shop", channel="web")
STORES: Final = Source(name="stores", channel="store")

_encode = msgspec.json.encode


class Sent(msgspec.Struct):
    """What ingest said, in sum."""

    accepted: int = 0
    rejected: int = 0
    first_reason: str = ""


def send(data: Path, touches: Iterable[Touch], report: Callable[[Sent], None]) -> Sent:
    """Send all, nearly in the order of arrival, to the ingest of a data directory, whose sources are made when they
    are missing. Raises ``tappa.imports.delivery.DeliveryError``."""
    url = ingest_url(data)
    keys = {False: write_key(data, SHOP), True: write_key(data, STORES)}
    wait_until_known(url, list(keys.values()))
    sent = Sent()
    for _, answer in deliver(url, _parcels(iter(touches), keys)):
        sent.accepted += answer.accepted
        sent.rejected += len(answer.rejected)
        if answer.rejected and not sent.first_reason:
            sent.first_reason = f"{answer.rejected[0].code}: {answer.rejected[0].message}"
        report(sent)
    return sent


def _parcels(touches: Iterator[Touch], keys: dict[bool, str]) -> Iterator[Parcel[None]]:
    """Two hundred sendings at a time: the receipts among them, and the rest by the hundred."""
    while some := list(islice(touches, 2 * ITEMS_MAX)):
        for receipts in (False, True):
            bodies = [_body(touch) for touch in some if touch.receipt is receipts]
            for start in range(0, len(bodies), ITEMS_MAX):
                yield Parcel(
                    receipts=receipts, write_key=keys[receipts], items=bodies[start : start + ITEMS_MAX], tag=None
                )


def _body(touch: Touch) -> bytes:
    """A receipt does not say what it is where only receipts go."""
    return _encode(
        {name: value for name, value in touch.body.items() if name != "type"} if touch.receipt else touch.body
    )
