"""Dead letters sent again: an item to ingest, as its sender would, what a worker could not read back into the log.

Replaying is idempotent: an item without a ``messageId`` gets one from its ``rejected_id``, and one without a
``timestamp`` gets the time of its receipt, so that it is the same touchpoint however often it is sent. What is refused
once more opens again by itself (its row is newer than the mark)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec

from ingest.splitter import StructureError, members
from store.clickhouse import ClickHouseStore
from store.rejected_rows import RejectedRow, list_rejected, mark_replayed
from stream.log.interface import Log
from stream.log.message import address_of, decode_frame, encode_message, partition_of
from tappa.imports.delivery import ITEMS_MAX, Answer, Parcel, deliver

LETTERS_AT_ONCE: Final = 500
"""Dead letters read and sent together: 16 MB of the largest items."""

FROM_LOG: Final = "log"
"""``endpoint`` of what a worker refused."""

TYPES: Final = {
    short: name for name in ("track", "identify", "page", "screen", "group", "alias") for short in (name, name[0])
}
"""Type of message by the last part of the endpoint it was sent to."""


class Replayed(msgspec.Struct, kw_only=True):
    """What became of the dead letters."""

    accepted: int = 0
    refused: int = 0
    """Once more; they are open again."""
    left: Counter[str] = msgspec.field(default_factory=Counter)
    """By reason: what could not even be sent. It stays open."""


async def replay(
    store: ClickHouseStore,
    log: Log,
    ingest_url: str,
    write_keys: Mapping[str, str],
    *,
    code: str,
    ids: Collection[str],
    started_ms: int,
    report: Callable[[Replayed], None],
) -> Replayed:
    """Send the dead letters that are open at ``started_ms`` again (those of ``code`` and ``ids`` only, if given), each
    once, and mark what was sent; what is refused once more is a letter for the next time. A crash leaves the rest open.
    Raises ``DeliveryError``, ``StoreError`` or ``LogError``; what was sent then is marked or will be sent again, which
    changes nothing."""
    done = Replayed()
    seen: set[str] = set()
    while True:
        letters = await list_rejected(
            store, limit=LETTERS_AT_ONCE + len(seen), code=code, ids=ids, before_ms=started_ms
        )
        fresh = [letter for letter in letters if letter.rejected_id not in seen]
        if not fresh:
            return done
        seen.update(letter.rejected_id for letter in fresh)
        gone = await _into_log(log, [letter for letter in fresh if letter.endpoint == FROM_LOG], done)
        parcels = list(_parcels([letter for letter in fresh if letter.endpoint != FROM_LOG], write_keys, done))
        for parcel, answer in await asyncio.to_thread(_delivered, ingest_url, parcels):
            done.accepted += answer.accepted
            done.refused += len(answer.rejected)
            gone += parcel.tag
        await mark_replayed(store, gone, before_ms=started_ms)
        report(done)


async def _into_log(log: Log, letters: Sequence[RejectedRow], done: Replayed) -> list[str]:
    gone: list[str] = []
    for letter in letters:
        messages = messages_of(letter, log.partitions)
        if messages is None:
            done.left["the worker cannot read it either now"] += 1
            continue
        await log.append(messages)
        done.accepted += 1
        gone.append(letter.rejected_id)
    return gone


def _parcels(
    letters: Sequence[RejectedRow], write_keys: Mapping[str, str], done: Replayed
) -> Iterator[Parcel[list[str]]]:
    """What to post, by source and kind."""
    groups: dict[tuple[str, bool], list[tuple[str, bytes]]] = {}
    for letter in letters:
        item = item_of(letter)
        if letter.source not in write_keys:
            done.left[f"source {letter.source!r} has no write key any more"] += 1
        elif item is None:
            done.left["it is no JSON object: mend it and send it by hand"] += 1
        else:
            groups.setdefault((letter.source, is_receipt(letter)), []).append((letter.rejected_id, item))
    for (source, receipts), some in groups.items():
        for start in range(0, len(some), ITEMS_MAX):
            part = some[start : start + ITEMS_MAX]
            yield Parcel(
                receipts=receipts,
                write_key=write_keys[source],
                items=[item for _, item in part],
                tag=[rejected_id for rejected_id, _ in part],
            )


def _delivered(url: str, parcels: Sequence[Parcel[list[str]]]) -> list[tuple[Parcel[list[str]], Answer]]:
    return list(deliver(url, parcels))


def item_of(letter: RejectedRow) -> bytes | None:
    """The item to send for a dead letter of ingest: its own bytes, with what it lacks put in front; None when it is no
    JSON object."""
    try:
        named = members(letter.body)
    except StructureError:
        return None
    lacks: dict[str, str] = {}
    if not is_receipt(letter):
        if b"messageId" not in named:
            lacks["messageId"] = f"rejected:{letter.rejected_id}"
        if b"timestamp" not in named:
            lacks["timestamp"] = datetime.fromtimestamp(letter.received_at / 1000, UTC).isoformat(
                timespec="milliseconds"
            )
        if b"type" not in named and (kind := TYPES.get(letter.endpoint.rpartition("/")[2])):
            lacks["type"] = kind
    if not lacks:
        return letter.body
    front = msgspec.json.encode(lacks)[1:-1]
    rest = letter.body.lstrip()[1:]
    return b"{" + front + (b"," if named else b"") + rest


def is_receipt(letter: RejectedRow) -> bool:
    """Whether it came as a receipt."""
    return letter.endpoint.endswith("/receipts")


def messages_of(letter: RejectedRow, partitions: int) -> dict[int, list[bytes]] | None:
    """What to append to the log for a dead letter of a worker, by partition; None while it still cannot be read."""
    try:
        messages = decode_frame(letter.body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    found: dict[int, list[bytes]] = {}
    for message in messages:
        found.setdefault(partition_of(address_of(message), partitions), []).append(encode_message(message))
    return found
