"""Store and forward: receipts from lines into the spool, and what is refused into a file."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from threading import Event, Lock
from types import TracebackType

from tappa_sdk.calls import receipt_item
from tappa_sdk.errors import InvalidMessageError, InvalidReceiptError
from tappa_sdk.item import Item, Rejected
from tappa_sdk.sync import Tappa

LINES_TOGETHER = 500
"""Receipts that are brought to disk at once."""
STREAM_BYTES = 1_000_000
LOOK_S = 1.0
ENDS = (".ndjson", ".json")


class Forwarding:
    """Keeps receipts until they are sent. Those that ``take`` has returned for survive the process."""

    def __init__(self, write_key: str, host: str, directory: Path) -> None:
        self.taken = self.refused = 0
        self._refusals = directory / "refused.ndjson"
        self._refusing = Lock()
        self._tappa = Tappa(write_key, host, spool=directory, on_error=self._on_error)

    def __enter__(self) -> Forwarding:
        """Close it at the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tappa.close(0)

    def take(self, lines: Iterable[bytes], where: str, first: int = 1) -> None:
        """Return once every receipt among the lines is on disk, and every other line in the file of refusals."""
        numbered = enumerate(lines, first)
        while some := list(islice(numbered, LINES_TOGETHER)):
            if items := list(self._receipts(some, where)):
                self._tappa._take(items)
                self.taken += len(items)

    def take_stream(self, fd: int) -> None:
        """Lines as they come, to the end."""
        rest, number = b"", 1
        while some := os.read(fd, STREAM_BYTES):
            *lines, rest = (rest + some).split(b"\n")
            self.take(lines, "standard input", number)
            number += len(lines)
        self.take([rest], "standard input", number)

    def take_folder(self, folder: Path) -> None:
        """Every file that is there, each moved to ``done`` once it is taken. A crash in between takes it again: its
        receipts count once."""
        done = folder / "done"
        done.mkdir(exist_ok=True)
        for path in sorted(folder.iterdir()):
            if path.suffix in ENDS and not path.name.startswith(".") and path.is_file():
                self._take_file(path)
                path.replace(done / path.name)

    def watch(self, folder: Path, stopped: Event) -> None:
        """Take what comes into the folder, until it is stopped."""
        while not stopped.is_set():
            self.take_folder(folder)
            stopped.wait(LOOK_S)

    def finish(self, timeout_s: float) -> bool:
        """Whether everything is sent when the time is over."""
        return self._tappa.flush(timeout_s)

    def said(self) -> str:
        """What was done, for a person."""
        refused = f", {self.refused} refused: see {self._refusals}" if self.refused else ""
        return f"{self.taken} receipts taken{refused}"

    def _take_file(self, path: Path) -> None:
        if path.suffix == ".json" and (found := _document(path)) is not None:
            self.take(found, path.name)
            return
        with path.open("rb") as lines:
            self.take(lines, path.name)

    def _receipts(self, lines: Iterable[tuple[int, bytes]], where: str) -> Iterator[Item]:
        for number, line in lines:
            text = line.strip()
            if not text:
                continue
            try:
                yield _receipt(text)
            except (InvalidMessageError, InvalidReceiptError) as error:
                said = text.decode("utf-8", "replace")
                self._refuse(
                    {"where": f"{where}, line {number}", "code": "invalid_receipt", "message": str(error), "line": said}
                )

    def _on_error(self, rejected: Rejected) -> None:
        self._refuse({"code": rejected.code, "message": rejected.message, "item": rejected.item})

    def _refuse(self, row: dict[str, object]) -> None:
        """On disk when it returns."""
        with self._refusing, self._refusals.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())
            self.refused += 1


def _document(path: Path) -> list[bytes] | None:
    """The receipts of a file that is one JSON document, as lines; None when it is none."""
    try:
        said = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return None
    return [json.dumps(receipt).encode() for receipt in (said if isinstance(said, list) else [said])]


def _receipt(line: bytes) -> Item:
    try:
        said = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InvalidReceiptError("line", f"is no JSON: {error}") from None
    if not isinstance(said, dict):
        raise InvalidReceiptError("line", "is no object")
    return receipt_item(said)
