"""Numbers and tables for a person."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from benches.figures import Spread


def number(value: float) -> str:
    """Three digits, or whole."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Columns, the first to the left, the others to the right."""
    lines = [list(titles), *map(list, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(titles))]
    return "\n".join(
        "  " + "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )  # fmt: skip


def compared(rows: Iterable[tuple[str, str]], figures: Mapping[str, Spread], before: Mapping[str, Spread]) -> str:
    """A table of figures with what they were last time: of each row the figure's name, and what it is called."""
    lines = []
    for name, title in rows:
        new, old = figures.get(name), before.get(name)
        if new is not None:
            last = [number(old.median), f"{new.median / old.median:.2f}"] if old and old.median else ["", ""]
            lines.append([title, number(new.median), *last])
    return table(["", "measured", "last time", "ratio"], lines)
