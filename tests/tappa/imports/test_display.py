"""Progress on a terminal and elsewhere."""

from __future__ import annotations

from io import StringIO

import pytest

from tappa.imports import display
from tappa.imports.display import Display


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_there_is_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(display, "BAR_EVERY_S", 0.0)
    stream = Terminal()
    with Display("file.csv", stream) as shown:
        shown.show(0.5, "half")
    assert stream.getvalue() == "\rfile.csv [###############...............]  50% half\x1b[K\n"


def test_elsewhere_there_are_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(display, "LINE_EVERY_S", 0.0)
    stream = StringIO()
    with Display("file.csv", stream) as shown:
        shown.show(0.5, "half")
    assert stream.getvalue() == "file.csv: 50%, half\n"
