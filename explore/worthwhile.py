"""Events that a model has no signal for, and after which people buy more often than after others."""

# ruff: noqa: S608 - text goes into statements as literals only

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt
from typing import Final

import msgspec

from explore.unmatched import matched
from stage_engine.model_file import SignalFile
from store.clickhouse import ClickHouseStore

WORTHWHILE_MAX: Final = 10
"""Events that are told."""
CUSTOMERS_MIN: Final = 20
"""Who did it: fewer prove nothing, and are not frequent."""
READ_MAX: Final = 1_000
"""Events that are looked at, those that the most customers did."""
WITHIN_DAYS: Final = 30
"""A purchase so long after somebody did it for the first time is one that followed."""


class WorthwhileEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event, and what followed it."""

    type: str
    event: str
    touchpoints: int
    customers: int
    bought: int
    """Customers of those who bought soon after."""
    average: float
    """The part of customers who buy soon after any event, over all events that are no purchase."""


async def worthwhile(store: ClickHouseStore, signals: Mapping[str, SignalFile]) -> list[WorthwhileEvent]:
    """Those that the most customers did, first. More often than the average means by two standard errors. Raises
    ``StoreError``."""
    rows = await store.rows(_statement(matched(signals.values())))
    events = [
        WorthwhileEvent(
            type=kind, event=event, touchpoints=touchpoints, customers=customers, bought=bought, average=average
        )
        for kind, event, touchpoints, customers, bought, average in rows
    ]
    return [event for event in events if _is_more(event)][:WORTHWHILE_MAX]


def _is_more(event: WorthwhileEvent) -> bool:
    error = sqrt(event.average * (1 - event.average) / event.customers)
    return event.bought / event.customers > event.average + 2 * error


def _statement(known: str) -> str:
    return f"""
SELECT type, event, touchpoints, customers, bought, average
FROM
(
    SELECT
        type, event, sum(count) AS touchpoints, count() AS customers, sum(followed) AS bought, max(is_known) AS known,
        sum(bought) OVER () / sum(customers) OVER () AS average
    FROM
    (
        SELECT
            done.type AS type, done.event AS event, done.count AS count, done.is_known AS is_known,
            arrayExists(at -> at > done.first_at AND at <= done.first_at + {WITHIN_DAYS} * 86400000, sales.times)
                AS followed
        FROM
        (
            SELECT
                customer_id, toString(type) AS type, toString(event) AS event, count() AS count,
                toUnixTimestamp64Milli(min(occurred_at)) AS first_at, max({known}) AS is_known
            FROM v_touchpoints
            WHERE customer_id != '' AND transaction = ''
            GROUP BY customer_id, type, event
        ) AS done
        LEFT JOIN
        (
            SELECT customer_id, groupArray(toUnixTimestamp64Milli(occurred_at)) AS times
            FROM v_touchpoints
            WHERE customer_id != '' AND transaction = 'sale'
            GROUP BY customer_id
        ) AS sales ON sales.customer_id = done.customer_id
    )
    GROUP BY type, event
)
WHERE known = 0 AND customers >= {CUSTOMERS_MIN}
ORDER BY customers DESC, type, event
LIMIT {READ_MAX}
"""
