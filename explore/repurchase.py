"""Repurchase gaps in the store: how long it took customers to buy again, and how long others have been away."""

from __future__ import annotations

from typing import Final

import msgspec

from stage_engine.repurchase import Spans
from store.clickhouse import ClickHouseStore

CATEGORIES_MAX: Final = 10
"""Those with the most purchases are told."""
CATEGORY_CHARS_MAX: Final = 100
DAY_MS: Final = 86_400_000
"""Sales within a day of each other are one purchase: an order in two parcels, an order and its receipt."""


class Spanned(msgspec.Struct, frozen=True, kw_only=True):
    """The silences after purchases, of the whole shop or of a category."""

    category: str
    """``""`` for the whole shop."""
    spans: tuple[Spans, ...]


async def read_spans(store: ClickHouseStore) -> list[Spanned]:
    """The whole shop first, then the categories with the most purchases: a category's silence ends with the next
    purchase in the same category. Voided sales are none. Time ends with the last touchpoint that is there. Raises
    ``StoreError``."""
    rows = await store.rows(_STATEMENT)
    return [
        Spanned(
            category=category,
            spans=tuple(Spans(days=days, came_back=back, waiting=waiting) for days, back, waiting in spans),
        )
        for category, spans in rows
    ]


_SALES: Final = f"""
    SELECT customer_id, sale.1 AS at, arrayConcat([''], sale.2) AS categories
    FROM
    (
        SELECT
            customer_id,
            groupArrayIf(
                (
                    toUnixTimestamp64Milli(occurred_at),
                    arrayDistinct(arrayFilter(name -> name != '', arrayMap(
                        said -> substringUTF8(
                            coalesce(
                                nullIf(JSONExtractString(said, 'category'), ''),
                                JSONExtractString(said, 'item_category')
                            ),
                            1, {CATEGORY_CHARS_MAX}
                        ),
                        arrayConcat(
                            [properties],
                            JSONExtractArrayRaw(properties, 'products'),
                            JSONExtractArrayRaw(properties, 'items')
                        )
                    ))),
                    message_id
                ),
                transaction = 'sale'
            ) AS sales,
            groupUniqArrayIf(refers_to, transaction = 'void') AS voided
        FROM v_touchpoints
        WHERE transaction IN ('sale', 'void') AND customer_id != ''
        GROUP BY customer_id
    )
    ARRAY JOIN arrayFilter(one -> NOT has(voided, one.3), sales) AS sale
"""  # noqa: S608 - numbers of this module only
_STATEMENT: Final = f"""
WITH (SELECT toUnixTimestamp64Milli(max(least(occurred_at, received_at))) FROM touchpoints) AS last_at
SELECT category, groupArray((days, back, away)) AS spans
FROM
(
    SELECT category, span.1 AS days, countIf(span.2 = 1) AS back, countIf(span.2 = 0) AS away
    FROM
    (
        SELECT category, arraySort(groupArray(at)) AS times
        FROM ({_SALES})
        ARRAY JOIN categories AS category
        GROUP BY customer_id, category
    )
    ARRAY JOIN arrayConcat(
        arrayMap(
            gap -> (toInt64(round(gap / {DAY_MS})), 1),
            arrayFilter(gap -> gap >= {DAY_MS}, arrayDifference(times))
        ),
        [(toInt64(round(greatest(last_at - times[-1], 0) / {DAY_MS})), 0)]
    ) AS span
    GROUP BY category, days
)
GROUP BY category
ORDER BY category != '', sum(back + away) DESC, category
LIMIT {CATEGORIES_MAX + 1}
"""  # noqa: S608 - numbers of this module only
