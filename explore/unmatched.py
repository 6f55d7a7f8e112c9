"""Events in the data that no signal of a model matches."""

# ruff: noqa: S608 - text goes into statements as literals only

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from stage_engine.model_file import SignalFile
from store.clickhouse import ClickHouseStore
from store.sql import literal

UNMATCHED_MAX: Final = 10
"""Events that are told: who has added those to the model asks again."""
CHANNELS_MAX: Final = 5
"""Of each event."""


class UnmatchedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event without a signal."""

    type: str
    event: str
    channels: tuple[str, ...]
    """Some of those in which it happened."""
    touchpoints: int
    customers: int
    """Exact up to some ten thousand, near it beyond."""


async def unmatched(store: ClickHouseStore, signals: Mapping[str, SignalFile]) -> list[UnmatchedEvent]:
    """The most frequent ones, the most frequent first; voids, which are never folded, are left out. Raises
    ``StoreError``."""
    rows = await store.rows(
        f"SELECT toString(type), toString(event), arraySort(groupUniqArray({CHANNELS_MAX:d})(toString(channel))), "
        "count() AS touchpoints, uniqIf(customer_id, customer_id != '') FROM v_touchpoints "
        f"WHERE transaction != 'void' AND NOT {matched(signals.values())} "
        f"GROUP BY type, event ORDER BY touchpoints DESC, type, event LIMIT {UNMATCHED_MAX:d}"
    )
    return [
        UnmatchedEvent(type=kind, event=event, channels=tuple(channels), touchpoints=touchpoints, customers=customers)
        for kind, event, channels, touchpoints, customers in rows
    ]


def matched(signals: Iterable[SignalFile]) -> str:
    """SQL: whether a row of touchpoints has what one of the signals asks for, conditions (``when``) aside. A signal
    that has nothing but a condition matches nothing here."""
    tests = [" AND ".join(found) for signal in signals if (found := list(_tests(signal)))]
    return f"(({') OR ('.join(tests)}))" if tests else "(0)"


def _tests(signal: SignalFile) -> Iterator[str]:
    columns: dict[str, Sequence[str] | None] = {
        "type": signal.type,
        "event": signal.event,
        "channel": signal.channel,
        "score_kind": signal.score_kind,
    }
    for column, words in columns.items():
        if words:
            yield f"{column} IN ({', '.join(map(literal, words))})"
