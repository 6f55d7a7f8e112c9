"""What a person reads of the identity part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from benches.crowds import SHAPES
from benches.figures import Spread
from benches.tables import compared, number, table

ROWS: Final = (
    ("join.visible_p50_ms", "an identify joins {join.joined} touchpoints, visible, p50 ms"),
    ("join.visible_p99_ms", "the same, p99 ms"),
    ("join.visible_max_ms", "the same, longest ms"),
    ("join.cpu_s.worker", "CPU-s of the worker for {join.joins} joins, one every {join.every_s} s"),
    ("merge.visible_s", "{merge.touchpoints} visitors with {merge.joined} touchpoints identify at once, visible s"),
    ("merge.per_s", "merges /s"),
    ("merge.cpu_us.worker", "CPU-µs of the worker a merge"),
    ("merge.cpu_us.store", "CPU-µs of the store a merge"),
    ("merge.messages", "messages between workers a merge"),
    ("refold_small.visible_s", "a late touchpoint of {refold_small.touchpoints}, visible s"),
    ("refold_small.next.visible_s", "the same, median of the next ones s"),
    ("refold_small.next.cpu_s.worker", "CPU-s of the worker"),
    ("refold_large.visible_s", "a late touchpoint of {refold_large.touchpoints}, visible s"),
    ("refold_large.cpu_s.worker", "CPU-s of the worker"),
    ("refold_large.cpu_s.store", "CPU-s of the store"),
    ("refold_large.next.visible_s", "the next one, which waits for the customer's rest, visible s"),
    ("refold_large.next.cpu_s.worker", "CPU-s of the worker, rest included"),
    ("memory_peak_mb", "memory of all processes, peak MB"),
)
COLUMNS: Final = {
    "touchpoints": "touchpoints",
    "visible_s": "visible s",
    "per_s": "/s",
    "messages": "messages",
    "questions": "questions",
    "rows_read": "rows read",
    "cpu_us.worker": "worker µs",
    "cpu_us.store": "store µs",
}


def identity_report(figures: Mapping[str, Spread], before: Mapping[str, Spread]) -> str:
    """Both tables; ``before`` are the figures of the last time."""
    parts = [
        "Identity, one run\n" + _single(figures, before),
        "Identity, crowds: in two halves, what each touchpoint costs; a ratio near 1 says that it is bounded\n"
        + table(["", *COLUMNS.values()], _halves(figures)),
    ]
    if left_out := [name.split(".")[1] for name in figures if name.endswith(".left_out")]:
        parts.append(f"Left out, because the workers were busy with them for too long: {', '.join(left_out)}")
    return "\n\n".join(parts)


def _single(figures: Mapping[str, Spread], before: Mapping[str, Spread]) -> str:
    counts = {name.removeprefix("identity."): number(spread.median) for name, spread in figures.items()}
    rows = [(f"identity.{name}", _filled(title, counts)) for name, title in ROWS]
    return compared(rows, figures, before)


def _filled(title: str, counts: Mapping[str, str]) -> str:
    for name, count in counts.items():
        title = title.replace(f"{{{name}}}", count)
    return title


def _halves(figures: Mapping[str, Spread]) -> Iterator[list[str]]:
    for shape in SHAPES:
        for half, title in (("first", f"{shape.says}, first half"), ("second", "second half"), ("growth", "ratio")):
            cells = [figures.get(f"identity.{shape.name}.{half}.{column}") for column in COLUMNS]
            if any(cells):
                yield [title, *(number(cell.median) if cell else "" for cell in cells)]
