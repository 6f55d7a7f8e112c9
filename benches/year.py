"""A year of three stores, as a head office exports it: CSV, one row a line of a receipt, from a seed, as a stream, with
totals that are known without reading it again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Final

SEED: Final = 5
STORES: Final = ("milan-1", "milan-2", "rome-1")
TILLS: Final = 4
CARDS: Final = 20_000
ARTICLES: Final = 2_000
LINES_A_RECEIPT: Final = (1, 1, 2, 2, 3, 4, 5, 6, 8, 12)
"""Equally likely: 4.4 on average."""
FIRST_DAY: Final = date(2025, 1, 1)
DAYS: Final = 365
OPENS_S: Final = 9 * 3_600
OPEN_S: Final = 11 * 3_600
CHUNK_RECEIPTS: Final = 200

HEAD: Final = "store,till,day,number,sold_at,card,article,name,quantity,price\n"
MAPPING: Final = """\
version: 1
description: A year of three stores, one row a line of a receipt
receipt:
  group_by: [store, till, day, number]
  fields:
    receipt_id: number
    store_id: store
    till_id: till
    business_date: day
    sold_at: {column: sold_at, time: {format: iso, zone: Europe/Rome}}
    currency: {constant: EUR}
    customer.loyalty_card: card
  lines:
    sku: article
    name: name
    quantity: {column: quantity, as: number, decimal: "."}
    unit_price: {column: price, as: number, decimal: "."}
"""


@dataclass(slots=True)
class Totals:
    """What a year comes to. Money is in cents; what came back is taken off."""

    lines: int = 0
    receipts: int = 0
    by_store: Counter[str] = field(default_factory=Counter)
    by_day: Counter[str] = field(default_factory=Counter)
    by_card: Counter[str] = field(default_factory=Counter)
    """Without the receipts that name nobody."""


class Year:
    """A year of about ``lines`` lines. ``chunks`` may be read once; then ``totals`` are those of all that it gave."""

    def __init__(self, lines: int, seed: int = SEED) -> None:
        self.totals = Totals()
        self._lines = lines
        self._random = Random(seed)
        self._numbers: Counter[tuple[str, int]] = Counter()

    def chunks(self) -> Iterator[bytes]:
        """The file, in pieces."""
        yield HEAD.encode()
        while self.totals.lines < self._lines:
            yield "".join(self._receipt() for _ in range(CHUNK_RECEIPTS) if self.totals.lines < self._lines).encode()

    def _receipt(self) -> str:
        draw = self._random
        store, till = draw.choice(STORES), draw.randrange(1, TILLS + 1)
        day = (FIRST_DAY + timedelta(self.totals.lines * DAYS // self._lines)).isoformat()
        second = OPENS_S + draw.randrange(OPEN_S)
        at = f"{day}T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"
        card = f"card-{int(CARDS * draw.random() ** 2)}" if draw.random() < 0.4 else ""
        sign = -1 if draw.random() < 0.03 else 1
        self._numbers[store, till] += 1
        head = f"{store},{till},{day},{self._numbers[store, till]},{at},{card},"
        rows, cents = [], 0
        for _ in range(draw.choice(LINES_A_RECEIPT)):
            article = draw.randrange(ARTICLES)
            quantity, price = sign * draw.choice((1, 1, 1, 2, 3)), 99 + article * 7
            cents += quantity * price
            rows.append(f"{head}A{article},Article {article},{quantity},{price // 100}.{price % 100:02}\n")
        self._count(len(rows), store, day, card, cents)
        return "".join(rows)

    def _count(self, lines: int, store: str, day: str, card: str, cents: int) -> None:
        totals = self.totals
        totals.lines += lines
        totals.receipts += 1
        totals.by_store[store] += cents
        totals.by_day[day] += cents
        if card:
            totals.by_card[card] += cents
