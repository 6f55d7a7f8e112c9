"""A batch of records, sorted out: what must be written, and what it says about whom. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from hashlib import blake2b
from operator import itemgetter

import msgspec

from stage_engine.fold import one_per_identity
from stage_engine.identity.link import Link, link_at
from stage_engine.touchpoint import Placed, Touchpoint, place
from store.interface import Decision
from store.rejected import Refused
from stream.log.interface import Record
from stream.log.message import Anew, Assigned, Changed, Message, Met, Rebuild, Refold, Word, decode_frame, encode_frame


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """What some records hold. Copies have collapsed to the one that counts."""

    touchpoints: list[Placed]
    """In total order."""
    refused: list[Refused]
    homes: dict[str, list[Placed]]
    """The touchpoints by the home that they are filed under, in total order."""
    links: list[Link]
    """Those of the touchpoints that carry several identifiers, in total order."""
    decisions: list[Decision]
    assigned: dict[str, list[Placed]]
    """What others' owners passed on, by customer, in total order."""
    changed: Counter[str]
    """Identifiers, and how often it was said."""
    refolds: set[str]
    met: set[tuple[str, str]]
    """``(home, device)``"""
    rebuilds: dict[tuple[int, int], int]
    """By partition and generation: the offset behind the first record that tells of its rebuild."""
    anew: dict[int, int]
    """By partition: the epoch after which its owner is to be started anew."""
    positions: dict[int, int]
    """By partition: the offset behind the last record."""
    oldest_at: int
    """When the first of the records was appended: milliseconds since 1970 UTC."""
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
        touchpoints = [one for one in self.touchpoints if one[1] not in gone]
        return msgspec.structs.replace(
            self, touchpoints=touchpoints, homes=_by_home(touchpoints), links=_links(touchpoints)
        )


def gather(records: Sequence[Record], database: str) -> Batch:
    """Sort out ``records``. Bytes that are no message become dead letters and cost nothing else; words meant for
    another database are passed over."""
    counted: dict[bytes, Placed] = {}
    refused: list[Refused] = []
    decisions: list[Decision] = []
    words: list[Word] = []
    rebuilds: dict[tuple[int, int], int] = {}
    anew: dict[int, int] = {}
    positions: dict[int, int] = {}
    touchpoints = messages = poison = 0
    for record in records:
        positions[record.partition] = record.offset + 1
        found, undecodable = opened(record)
        messages += record.count
        poison += len(undecodable)
        refused += undecodable
        accepted = [message for message in found if isinstance(message, Touchpoint)]
        touchpoints += len(accepted)
        if len(accepted) < len(found):
            refused += [message for message in found if isinstance(message, Refused)]
            decisions += [message for message in found if isinstance(message, Decision)]
            here = [message for message in found if isinstance(message, Word) and message.database == database]
            words += here
            for word in here:
                if isinstance(word, Rebuild):
                    rebuilds.setdefault((record.partition, word.generation), record.offset + 1)
                if isinstance(word, Anew):
                    anew[record.partition] = max(word.epoch, anew.get(record.partition, 0))
        for one in map(place, accepted):
            twin = counted.get(one[1])
            if twin is None or one[2].precedence < twin[2].precedence:
                counted[one[1]] = one
    placed = sorted(counted.values(), key=itemgetter(0))
    return Batch(
        touchpoints=placed,
        refused=refused,
        homes=_by_home(placed),
        links=_links(placed),
        decisions=decisions,
        assigned=_assigned(words),
        changed=Counter(word.identifier for word in words if isinstance(word, Changed)),
        refolds={word.customer for word in words if isinstance(word, Refold)},
        met={(word.home, word.device) for word in words if isinstance(word, Met)},
        rebuilds=rebuilds,
        anew=anew,
        positions=positions,
        oldest_at=min((record.appended_at for record in records), default=0),
        messages=messages,
        copies=touchpoints - len(counted),
        poison=poison,
    )


def _by_home(placed: Sequence[Placed]) -> dict[str, list[Placed]]:
    homes: dict[str, list[Placed]] = {}
    for one in placed:
        homes.setdefault(one[2].home, []).append(one)
    return homes


def _links(placed: Sequence[Placed]) -> list[Link]:
    return [link_at(order) for order, _, _ in placed if len(order[3]) > 1]


def _assigned(words: Sequence[Word]) -> dict[str, list[Placed]]:
    assigned: dict[str, list[Placed]] = {}
    for word in words:
        if isinstance(word, Assigned):
            assigned.setdefault(word.customer, []).append(place(word.touchpoint))
    return {customer: one_per_identity(placed) for customer, placed in assigned.items()}


def opened(record: Record) -> tuple[list[Message], list[Refused]]:
    """The messages of a record, and dead letters for what could not be decoded."""
    try:
        return decode_frame(record.frame), []
    except (msgspec.MsgspecError, UnicodeDecodeError) as damage:
        return salvage(record, str(damage))


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
