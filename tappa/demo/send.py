"""Sample data through HTTP: messages to ``/v1/batch``, receipts to ``/v1/receipts``."""

from __future__ import annotations

import time
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
TILLS: Final = Source(name="demo-till", channel="store")

_encode = msgspec.json.encode


class Sent(msgspec.Struct):
    """What ingest said, in sum."""

    accepted: int = 0
    rejected: int = 0
    first_reason: str = ""


def send(
    data: Path,
    touches: Iterable[Touch],
    report: Callable[[Sent], None],
    *,
    messages: Source = SHOP,
    receipts: Source = STORES,
    per_s: float = 0.0,
) -> Sent:
    """Send all, nearly in the order of arrival, to the ingest of a data directory, by these sources, which are made
    when they are missing; about ``per_s`` a second, or as fast as it goes for 0. Raises
    ``tappa.imports.delivery.DeliveryError``."""
    url = ingest_url(data)
    keys = {False: write_key(data, messages), True: write_key(data, receipts)}
    wait_until_known(url, list(keys.values()))
    sent = Sent()
    some = min(2 * ITEMS_MAX, max(1, int(per_s))) if per_s else 2 * ITEMS_MAX
    parcels = _parcels(paced(touches, per_s, time.monotonic, time.sleep) if per_s else iter(touches), keys, some)
    for _, answer in deliver(url, parcels):
        sent.accepted += answer.accepted
        sent.rejected += len(answer.rejected)
        if answer.rejected and not sent.first_reason:
            sent.first_reason = f"{answer.rejected[0].code}: {answer.rejected[0].message}"
        report(sent)
    return sent


def paced(
    touches: Iterable[Touch], per_s: float, clock: Callable[[], float], sleep: Callable[[float], None]
) -> Iterator[Touch]:
    """Each when its time has come; who takes them slowly is not made to catch up faster than ``per_s``."""
    due = clock()
    for touch in touches:
        if (early := due - clock()) > 0:
            sleep(early)
        yield touch
        due = max(due, clock() - 1) + 1 / per_s


def _parcels(touches: Iterator[Touch], keys: dict[bool, str], most: int) -> Iterator[Parcel[None]]:
    """``most`` sendings at a time: the receipts among them, and the rest by the hundred."""
    while some := list(islice(touches, most)):
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
