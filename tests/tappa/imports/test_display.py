"""Progress on a terminal and elsewhere."""

from __future__ import annotations

from io import StringIO

from tappa.imports.display import BAR_EVERY_S, LINE_EVERY_S, Display


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    """It moves when told to."""

    now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


def shown_on(stream: StringIO, every_s: float) -> str:
    """What the stream is shown of three steps, of which the second comes too early to be shown."""
    clock = Clock()
    with Display("file.csv", stream, clock=clock) as display:
        for part, note, later_s in (
            (0.25, "a quarter", every_s),
            (0.4, "less", every_s / 2),
            (0.5, "half", every_s),
        ):
            clock.now_s += later_s
            display.show(part, note)
    return stream.getvalue()


def test_on_a_terminal_there_is_a_bar() -> None:
    assert shown_on(Terminal(), BAR_EVERY_S) == (
        "\rfile.csv [########......................]  25% a quarter\x1b[K"
        "\rfile.csv [###############...............]  50% half\x1b[K\n"
    )


def test_elsewhere_there_are_plain_lines() -> None:
    assert shown_on(StringIO(), LINE_EVERY_S) == "file.csv: 25%, a quarter\nfile.csv: 50%, half\n"
