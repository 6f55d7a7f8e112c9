"""Judges the items of a request: each becomes a touchpoint, or a dead letter and a line of the answer."""

from __future__ import annotations

from collections import Counter, defaultdict
from hashlib import blake2b
from typing import Final

import msgspec

from ingest.arrival import Arrival, Rules
from ingest.credentials import without_write_keys
from ingest.envelope import is_utf8, text_in
from ingest.normalise import touchpoint_of
from ingest.receipts import receipt_touchpoint
from ingest.refusals import Code, ItemRefusedError
from ingest.splitter import StructureError, members
from store.rejected import Refused
from stream.log.message import encode_message, partition_of

RECEIPT: Final = "receipt"

_QUOTED_MAX: Final = 256


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """Why an item was refused, for its sender."""

    index: int
    message_id: str
    code: str
    message: str


class Judgement:
    """What has been decided so far about a request's items."""

    def __init__(self, rules: Rules, arrival: Arrival, partitions: int) -> None:
        self._rules = rules
        self._arrival = arrival
        self._partitions = partitions
        self._is_receipt = arrival.type == RECEIPT
        settings = rules.settings
        self._bytes_max = (
            settings.receipt_bytes_max if self._is_receipt else settings.item_bytes_max - len(arrival.context)
        )
        self._touchpoint_of = receipt_touchpoint if self._is_receipt else touchpoint_of
        self.messages: defaultdict[int, list[bytes]] = defaultdict(list)
        """Encoded messages for the log, by partition."""
        self.accepted: Counter[str] = Counter()
        """Touchpoints by type."""
        self.verdicts: list[Verdict] = []

    def judge(self, index: int, item: bytes, where: str = "") -> None:
        """Decide about one item; ``where`` it was goes into its dead letter. Never raises for what an item
        contains."""
        try:
            if len(item) > self._bytes_max or not item.isascii():
                self._check(item)
            touchpoint = self._touchpoint_of(self._rules, self._arrival, item)
        except ItemRefusedError as refusal:
            self.refuse(index, item, refusal, where)
            return
        self.messages[partition_of(touchpoint.home, self._partitions)].append(encode_message(touchpoint))
        self.accepted[touchpoint.type] += 1

    def refuse(self, index: int, item: bytes, refusal: ItemRefusedError, where: str = "") -> None:
        """Refuse an item, also one that was found to be none before it could be judged."""
        message_id = _message_id(item) if len(item) <= self._rules.settings.body_bytes_max else ""
        self.verdicts.append(Verdict(index, message_id, refusal.code, str(refusal)))
        letter = dead_letter(self._arrival, item[: self._rules.settings.body_bytes_max], refusal, message_id, where)
        self.messages[partition_of(letter.rejected_id, self._partitions)].append(encode_message(letter))

    def add(self, other: Judgement) -> None:
        """What was decided elsewhere about other items of the same request."""
        for partition, messages in other.messages.items():
            self.messages[partition] += messages
        self.accepted += other.accepted
        self.verdicts += other.verdicts

    def _check(self, item: bytes) -> None:
        """Raises ``ItemRefusedError`` for what is too large or no UTF-8."""
        if len(item) > self._bytes_max:
            raise ItemRefusedError(
                Code.EVENT_TOO_LARGE, f"{len(item)} bytes, {max(self._bytes_max, 0)} are allowed here"
            )
        if not is_utf8(item):
            raise ItemRefusedError(Code.INVALID_ENCODING)


def dead_letter(arrival: Arrival, item: bytes, refusal: ItemRefusedError, message_id: str, where: str = "") -> Refused:
    """The item with its reason, after ``where`` it was. The same item refused again by the same reason has the same
    ``rejected_id``."""
    body = without_write_keys(item)
    digest = blake2b(digest_size=16)
    for part in (arrival.source.name.encode(), refusal.code.encode(), body):
        digest.update(len(part).to_bytes(4, "little") + part)
    return Refused(
        rejected_id=digest.hexdigest(),
        source=arrival.source.name,
        received_at=arrival.received_at,
        code=refusal.code,
        reason=f"{where}: {refusal}" if where else str(refusal),
        message_id=message_id,
        body=body,
        endpoint=arrival.endpoint,
    )


def _message_id(item: bytes) -> str:
    """What a refused item calls itself, if that can be read, for its sender to find it by."""
    try:
        named = members(item)
    except StructureError:
        return ""
    raw = named.get(b"messageId") or named.get(b"receipt_id") or b""
    return text_in(raw)[:_QUOTED_MAX] or (raw.decode() if raw.isdigit() and len(raw) < _QUOTED_MAX else "")
