"""Forms of times and numbers are read off the values."""

from __future__ import annotations

import pytest

from tappa.imports.written import Numbers, Times, forms_of_time


@pytest.mark.parametrize(
    ("text", "forms"),
    [
        ("2026-03-01", ["iso"]),
        ("2026-03-01 10:00:00.5", ["iso"]),
        ("2026-03-01T10:00:00+02:00", ["iso"]),
        ("20260301", ["iso"]),
        ("1740823200", ["epoch_s"]),
        ("1740823200500", ["epoch_ms"]),
        ("31.12.2026 23:59", ["%d.%m.%Y %H:%M"]),
        ("12/31/2026 11:59 PM", ["%m/%d/%Y %I:%M %p"]),
        ("31/12/26", ["%d/%m/%y"]),
        ("31 Dec 2026", ["%d %b %Y", "%d %B %Y"][:1]),
        ("01/02/2026", ["%d/%m/%Y", "%m/%d/%Y"]),
        ("12345", []),
        ("yesterday", []),
        ("", []),
    ],
)
def test_a_time_says_its_forms(text: str, forms: list[str]) -> None:
    assert forms_of_time(text) == forms


def test_a_column_has_the_form_that_most_of_its_values_have() -> None:
    times = Times()
    for text in ("01/02/2026", "13/02/2026", "no time", "02/03/2026"):
        times.see(text)
    assert times.forms == ["%d/%m/%Y"]


@pytest.mark.parametrize(
    ("values", "marks"),
    [
        (["1.50", "2"], []),
        (["1,50", "1.234,00"], [","]),
        (["1,234.50", "2"], ["."]),
        (["1,000", "12,50"], [","]),
        (["1.234.567"], [","]),
        (["1,234"], [",", "."]),
        (["1,50", "1.50"], [",", "."]),
        (["€ 12"], ["."]),
        (["word"], []),
    ],
)
def test_numbers_say_their_decimal_mark(values: list[str], marks: list[str]) -> None:
    numbers = Numbers()
    for value in values:
        numbers.see(value)
    assert numbers.marks == marks
