"""A batch of records, sorted out: what must be written, and which customers it is about. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import msgspec

from stage_engine.touchpoint import OrderKey, Placed, Touchpoint, place
from store.rejected import Refused
from stream.log.interface import Record
from stream.log.message import Message, decode_frame, encode_frame


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """What some records hold. Copies have collapsed to the one that counts."""

    touchpoints: list[Placed]
    refused: list[Refused]
    customers: dict[str, list[Placed]]
    """By customer, in total order. Touchpoints that are nobody's are only in ``touchpoints``."""
    partitions: dict[str, int]
    """The partition that each customer lives in."""
    positions: dict[int, int]
    """By partition: the offset behind the last record."""
    messages: int
    copies: int
    """Touchpoints that were there more than once."""
    poison: int
    """Messages that could not be decoded."""

    def without(self, unwritable: Sequence[Placed]) -> Batch:
        """The same batch, less these touchpoints (few)."""
        if not unwritable:
            return self
        gone = {identity for _, identity, _ in unwritable}

        def kept(placed: Sequence[Placed]) -> list[Placed]:
            return [one for one in placed if one[1] not in gone]

        customers = {customer: left for customer, placed in self.customers.items() if (left := kept(placed))}
        return msgspec.structs.replace(self, touchpoints=kept(self.touchpoints), customers=customers)


def customer_of(touchpoint: Touchpoint) -> str:
    """Whom it belongs to: its home identifier, nobody (``""``) for a receipt that names nobody. (The place of
    ``resolve``.)"""
    home = touchpoint.home
    return home if is_customer(home) else ""


def is_customer(home: str) -> bool:
    """Whether a home names a customer: a receipt's own key does not."""
    return bool(home) and not home.startswith("receipt:")


def gather(records: Sequence[Record]) -> Batch:
    """Sort out ``records``. Bytes that are no message become dead letters and cost nothing else."""
    counted: dict[bytes, tuple[Placed, int]] = {}
    refused: list[Refused] = []
    positions: dict[int, int] = {}
    touchpoints = messages = poison = 0
    for record in records:
        positions[record.partition] = record.offset + 1
        accepted, letters, undecodable = opened(record)
        messages += record.count
        touchpoints += len(accepted)
        poison += undecodable
        refused += letters
        for one in map(place, accepted):
            twin = counted.get(one[1])
            if twin is None or one[2].precedence < twin[0][2].precedence:
                counted[one[1]] = one, record.partition
    placed: list[Placed] = []
    customers: dict[str, list[Placed]] = {}
    partitions: dict[str, int] = {}
    for one, partition in sorted(counted.values(), key=_order):
        placed.append(one)
        if customer := customer_of(one[2]):
            customers.setdefault(customer, []).append(one)
            partitions[customer] = partition
    return Batch(
        touchpoints=placed,
        refused=refused,
        customers=customers,
        partitions=partitions,
        positions=positions,
        messages=messages,
        copies=touchpoints - len(counted),
        poison=poison,
    )


def opened(record: Record) -> tuple[list[Touchpoint], list[Refused], int]:
    """The touchpoints and dead letters of a record, and how many of the latter were undecodable."""
    try:
        messages: list[Message] = decode_frame(record.frame)
        undecodable: list[Refused] = []
    except (msgspec.MsgspecError, UnicodeDecodeError) as damage:
        messages, undecodable = salvage(record, str(damage))
    accepted = [message for message in messages if isinstance(message, Touchpoint)]
    letters = [message for message in messages if isinstance(message, Refused)]
    return accepted, letters + undecodable, len(undecodable)


def salvage(record: Record, damage: str) -> tuple[list[Message], list[Refused]]:
    """The good messages of a damaged record, and a dead letter for each of the others, or one for the whole."""
    try:
        parts = msgspec.msgpack.decode(record.frame, type=list[msgspec.Raw])
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return [], [undecodable(record, record.frame, damage)]
    good: list[Message] = []
    bad: list[Refused] = []
    for part in parts:
        frame = encode_frame([bytes(part)])
        try:
            good += decode_frame(frame)
        except (msgspec.MsgspecError, UnicodeDecodeError) as why:
            bad.append(undecodable(record, frame, str(why)))
    return good, bad


def undecodable(record: Record, frame: bytes, damage: str) -> Refused:
    """The dead letter of a frame that the worker cannot decode; ``tappa rejected replay`` puts it back into the log."""
    return Refused(
        rejected_id=blake2b(frame, digest_size=16).hexdigest(),
        source="",
        received_at=record.appended_at,
        code="undecodable_record",
        reason=f"The record at partition {record.partition}, offset {record.offset} could not be decoded ({damage}). "
        "It may come from a newer version: upgrade, then replay it.",
        body=frame,
        endpoint="log",
    )


def _order(counted: tuple[Placed, int]) -> OrderKey:
    return counted[0][0]
