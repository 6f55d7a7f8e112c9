"""Touchpoints as columns of the table ``touchpoints``, and back. Pure: the adapter sends and fetches them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from msgspec.structs import astuple

from stage_engine.touchpoint import Placed, Touchpoint
from store.column import Column

_AS_THEY_ARE: Final = (
    ("source", "LowCardinality(String)"),
    ("message_id", "String"),
    ("type", "LowCardinality(String)"),
    ("event", "LowCardinality(String)"),
    ("name", "String"),
    ("channel", "LowCardinality(String)"),
    ("acquisition_channel", "LowCardinality(String)"),
    ("offline", "UInt8"),
    ("occurred_at", "DateTime64(3, 'UTC')"),
    ("original_timestamp", "DateTime64(3, 'UTC')"),
    ("received_at", "DateTime64(3, 'UTC')"),
    ("user_id", "String"),
    ("anonymous_id", "String"),
    ("previous_id", "String"),
    ("group_id", "String"),
    ("contacts", "Array(String)"),
    ("properties", "String"),
    ("traits", "String"),
    ("context", "String"),
    ("extra", "String"),
    ("value", "Nullable(Decimal(18, 4))"),
    ("currency", "LowCardinality(String)"),
    ("transaction", "LowCardinality(String)"),
    ("refers_to", "String"),
    ("score_kind", "LowCardinality(String)"),
    ("score", "Nullable(Float64)"),
)

FETCHED: Final = (
    *("reinterpretAsInt64(value) AS value" if name == "value" else name for name, _ in _AS_THEY_ARE),
    "content_hash",
    "home",
    "identity",
)
"""What to select for ``touchpoints_of``, in its order. Money comes as ticks, times as milliseconds."""

FETCHED_BYTES: Final = ("properties", "traits", "context", "extra")
"""Those of ``FETCHED`` that must come as bytes, not decoded."""

FETCHED_TIMES: Final = ("occurred_at", "original_timestamp", "received_at")
"""Those of ``FETCHED`` that must come as integers."""


def is_nobody(home: str) -> bool:
    """Whether a home names no customer: the column ``filed_under`` is empty then."""
    return not home or home.startswith("receipt:")


def touchpoint_columns(placed: Sequence[Placed]) -> list[Column]:
    """The columns of an insert."""
    _, identities, touchpoints = zip(*placed, strict=True)
    fields = dict(zip(Touchpoint.__struct_fields__, zip(*map(astuple, touchpoints), strict=True), strict=True))
    columns = [Column(name, kind, fields[name]) for name, kind in _AS_THEY_ARE]
    columns.append(Column("content", "FixedString(16)", fields["content_hash"]))
    columns.append(Column("home", "String", [touchpoint.home for touchpoint in touchpoints]))
    columns.append(Column("identity", "FixedString(16)", identities))
    return columns


def counting_touchpoints(columns: Sequence[Sequence[Any]], into: dict[str, dict[bytes, Touchpoint]]) -> None:
    """Add the touchpoints in ``columns`` (as ``FETCHED``) to ``into``, by home and identity; of several copies the one
    with the smallest precedence stays."""
    for values in zip(*columns, strict=True):
        touchpoint, home, identity = _touchpoint(values)
        known = into.setdefault(home, {})
        other = known.get(identity)
        if other is None or counts_before(touchpoint, other):
            known[identity] = touchpoint


def counts_before(one: Touchpoint, other: Touchpoint) -> bool:
    """Of two copies of a touchpoint: whether ``one`` counts."""
    return (one.precedence, one.received_at) < (other.precedence, other.received_at)


def _touchpoint(values: tuple[Any, ...]) -> tuple[Touchpoint, str, bytes]:
    (
        source, message_id, kind, event, name, channel, acquisition_channel, offline, occurred_at, original_timestamp,
        received_at, user_id, anonymous_id, previous_id, group_id, contacts, properties, traits, context, extra, value,
        currency, transaction, refers_to, score_kind, score, content_hash, home, identity,
    ) = values  # fmt: skip
    touchpoint = Touchpoint(
        source=source,
        message_id=message_id,
        type=kind,
        event=event,
        name=name,
        channel=channel,
        acquisition_channel=acquisition_channel,
        offline=bool(offline),
        occurred_at=occurred_at,
        original_timestamp=original_timestamp,
        received_at=received_at,
        user_id=user_id,
        anonymous_id=anonymous_id,
        previous_id=previous_id,
        group_id=group_id,
        contacts=tuple(contacts),
        properties=properties,
        traits=traits,
        context=context,
        extra=extra,
        value=value,
        currency=currency,
        transaction=transaction,
        refers_to=refers_to,
        score_kind=score_kind,
        score=score,
        content_hash=content_hash,
    )
    return touchpoint, home, identity
