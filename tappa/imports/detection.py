"""What a mapping leaves open about how a file is written, found out from the file before it is imported.

The mapping that comes out says all of it, so the import that follows has nothing to guess. The same file and mapping
always come to the same end: an import that is resumed reads as it read before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, Final

import msgspec

from ingest.files.mapping import CsvForm, Mapping, MappingError, Value
from ingest.files.outcome import Problem
from ingest.files.rows import Rows
from tappa.imports.encoding import BEGINNING_BYTES, delimiter_of, encoding_of
from tappa.imports.file import opened
from tappa.imports.written import Numbers, Times

ROWS_MIN: Final = 1_000
"""Rows that are looked at in any case; more only while a column can be read in several ways."""


_MARKS: Final = frozenset(",;\t|.")


class Detected(msgspec.Struct, frozen=True):
    """A mapping without open questions, and what was found out for it."""

    mapping: Mapping
    said: list[str]
    """For a person: what was found out, each with the words that would say it in the mapping."""


def detect_csv(path: Path, form: CsvForm) -> tuple[CsvForm, list[str]]:
    """The form of a CSV file with its encoding and its delimiter."""
    said = []
    if form.encoding is None:
        with opened(path) as (content, _):
            form = form.model_copy(update={"encoding": encoding_of(content)})
        said.append(f"csv.encoding: {form.encoding}")
    if form.delimiter is None:
        with opened(path) as (content, _):
            beginning = content.read(BEGINNING_BYTES)
        text = _decoded(beginning, str(form.encoding))
        form = form.model_copy(update={"delimiter": delimiter_of(text)})
        said.append(f"csv.delimiter: {_shown(str(form.delimiter))}")
    return form, said


def detect_columns(table: Rows, mapping: Mapping) -> Detected:
    """The mapping with the forms of its times and the decimal mark of its numbers. Raises ``MappingError`` for a
    column that can be read in two ways: a guess would be a wrong year of sales."""
    open_times = {_key(value): Times() for _, value in _values(mapping) if _is_open_time(value)}
    open_numbers = {_key(value) for _, value in _values(mapping) if _is_open_number(value)}
    if not open_times and not open_numbers:
        return Detected(mapping, [])
    numbers = Numbers()
    places = {name: place for place, name in reversed(list(enumerate(table.names)))}
    times_at = [(places[name], times) for key, times in open_times.items() for name in key if name in places]
    numbers_at = [places[name] for key in open_numbers for name in key if name in places]
    _look(table, mapping, times_at, numbers_at, numbers)
    return _settled(mapping, open_times, numbers)


def _look(
    table: Rows, mapping: Mapping, times_at: list[tuple[int, Times]], numbers_at: list[int], numbers: Numbers
) -> None:
    empty = frozenset(mapping.csv.empty)
    for count, row in enumerate(table.rows):
        if isinstance(row, Problem):
            continue
        for place, times in times_at:
            if (text := row[1][place].strip()) not in empty:
                times.see(text)
        for place in numbers_at:
            if (text := row[1][place].strip()) not in empty:
                numbers.see(text)
        if count >= ROWS_MIN and len(numbers.marks) < 2 and all(len(times.forms) < 2 for _, times in times_at):
            return


def _settled(mapping: Mapping, open_times: dict[tuple[str, ...], Times], numbers: Numbers) -> Detected:
    said, mistakes = [], []
    forms: dict[tuple[str, ...], str] = {}
    for key, times in open_times.items():
        found = times.forms
        if len(found) > 1:
            mistakes.append(
                f"the times of column {key[0]!r} can be read as {' or as '.join(found)}: say which, as "
                f'`time: {{format: "{found[0]}"}}`'
            )
        elif found:
            forms[key] = found[0]
            said.append(f"{key[0]}: time.format: {_shown(found[0])}")
    marks = numbers.marks
    if len(marks) > 1:
        mistakes.append(
            "the decimal mark of the numbers can be a comma or a point: say it of each number, as "
            '`{column: …, as: number, decimal: ","}`'
        )
    elif marks:
        said.append(f"decimal: {_shown(marks[0])}")
    if mistakes:
        raise MappingError("\n".join(mistakes))

    def settled(value: Value) -> Value:
        if _is_open_time(value) and (form := forms.get(_key(value))):
            assert value.time is not None
            return value.model_copy(update={"time": value.time.model_copy(update={"format": form})})
        if _is_open_number(value) and marks:
            return value.model_copy(update={"decimal": marks[0]})
        return value

    return Detected(_with_values(mapping, settled), said)


def _values(mapping: Mapping) -> Iterator[tuple[str, Value]]:
    receipt = mapping.receipt
    targets: Iterable[dict[str, Value]] = [mapping.message or {}]
    if receipt is not None:
        targets = [receipt.fields, receipt.lines]
    return chain.from_iterable(one.items() for one in targets)


def _with_values(mapping: Mapping, change: Any) -> Mapping:
    def changed(targets: dict[str, Value]) -> dict[str, Value]:
        return {target: change(value) for target, value in targets.items()}

    if mapping.message is not None:
        return mapping.model_copy(update={"message": changed(mapping.message)})
    assert mapping.receipt is not None
    receipt = {"fields": changed(mapping.receipt.fields), "lines": changed(mapping.receipt.lines)}
    return mapping.model_copy(update={"receipt": mapping.receipt.model_copy(update=receipt)})


def _key(value: Value) -> tuple[str, ...]:
    return (value.column,) if value.column is not None else tuple(value.columns or ())


def _is_open_time(value: Value) -> bool:
    return value.time is not None and value.time.format is None and bool(_key(value)) and value.map is None


def _is_open_number(value: Value) -> bool:
    return value.as_ == "number" and value.decimal is None and bool(_key(value)) and value.map is None


def _decoded(beginning: bytes, encoding: str) -> str:
    try:
        text = beginning.decode("utf-8-sig" if encoding == "utf-8" else encoding, "replace")
    except LookupError:
        raise MappingError(f"there is no encoding {encoding!r}") from None
    return text[: text.rfind("\n") + 1] or text


def _shown(word: str) -> str:
    return repr(word) if word in _MARKS or "%" in word else word
