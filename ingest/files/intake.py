"""The write path of a file: read as it arrives, judged line by line like anything else, and appended, with one stretch
of lines read ahead.

Memory is that of two stretches, whatever the file's size. Lines of a stretch are durable before the next is judged,
so a file that breaks off leaves what was taken; sent again from its beginning it brings the same touchpoints, and
the rest.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import Executor
from itertools import islice
from typing import BinaryIO, Final, cast

import msgspec

from ingest.arrival import Arrival, Rules
from ingest.files.arriving import Arriving, Limited, buffered
from ingest.files.multipart import Form
from ingest.files.order import FileOrder
from ingest.files.outcome import Item, Outcome, Problem, Skipped, StreamedUpload
from ingest.files.packed import DAMAGE, DamagedFileError, packing, unpacked
from ingest.judge import RECEIPT, Judgement, Verdict
from ingest.refusals import Code, ItemRefusedError, RequestRefusedError
from ingest.sources import Source

ENDPOINT: Final = "/v1/files"
STRETCH_LINES: Final = 1_000
STRETCH_BYTES: Final = 1_000_000
"""What is read, judged and appended at once, whichever is reached first; the last line may go over it."""
HELD_BYTES: Final = 5 * STRETCH_BYTES
"""What a file counts for among the bytes in flight: a stretch as it was read, as it was made and as it is appended, and
one that is read ahead."""
TURN_LINES: Final = 250
"""What is judged before other requests get their turn."""
VERDICTS_MAX: Final = 100
"""Rejected lines that the answer names; the dead letters have all."""

_CODES: Final = {
    "invalid_row": Code.UNMAPPED,
    "invalid_transaction": Code.UNMAPPED,
    "line_too_long": Code.EVENT_TOO_LARGE,
}


class Taken(msgspec.Struct, kw_only=True):
    """What has become of a file so far."""

    accepted: int = 0
    refused: int = 0
    left_out: int = 0
    verdicts: list[Verdict] = []


class Intake:
    """Takes files of one process, each for itself."""

    def __init__(
        self,
        rules: Rules,
        partitions: Callable[[], int],
        keep: Callable[[Source, Judgement], Awaitable[None]],
        threads: Executor,
        now_ms: Callable[[], int],
    ) -> None:
        """``keep`` makes durable what was judged, and takes as long as that takes."""
        self._rules = rules
        self._partitions = partitions
        self._keep = keep
        self._threads = threads
        self._now_ms = now_ms

    async def take(self, order: FileOrder, source: Source, chunks: AsyncIterator[bytes], taken: Taken) -> None:
        """Take a file to its end; ``taken`` says how far it is, also when something is raised. Raises
        ``RequestRefusedError`` when it cannot be read further, and what ``keep`` and ``chunks`` raise."""
        settings, loop = self._rules.settings, asyncio.get_running_loop()
        arriving = Arriving(chunks, loop, timeout_s=settings.body_timeout_s)
        reader = _Reader(order, StreamedUpload(source.name, order.name), arriving, settings.file_bytes_max)
        ahead = loop.run_in_executor(self._threads, reader.stretch)
        try:
            while stretch := await ahead:
                ahead = loop.run_in_executor(self._threads, reader.stretch)  # while the log takes this one
                judgement = await self._judged(stretch, source, taken)
                await self._keep(source, judgement)
                taken.accepted += judgement.accepted.total()
                taken.refused += len(judgement.verdicts)
                taken.verdicts += judgement.verdicts[: VERDICTS_MAX - len(taken.verdicts)]
        finally:
            arriving.give_up()
            if not ahead.cancel() and not ahead.cancelled():
                ahead.exception()  # nobody will ask for it

    async def _judged(self, stretch: list[Outcome], source: Source, taken: Taken) -> Judgement:
        arrival = Arrival(source=source, endpoint=ENDPOINT, received_at=self._now_ms())
        partitions = self._partitions()
        messages = Judgement(self._rules, arrival, partitions)
        receipts = Judgement(self._rules, msgspec.structs.replace(arrival, type=RECEIPT), partitions)
        for number, outcome in enumerate(stretch, 1):
            where = f"line {outcome.line}"
            if isinstance(outcome, Item):
                (receipts if outcome.receipt else messages).judge(outcome.line, outcome.body, where)
            elif isinstance(outcome, Problem):
                messages.refuse(outcome.line, outcome.text.encode("utf-8", "replace"), _refusal(outcome), where)
            else:
                taken.left_out += 1
            if number % TURN_LINES == 0:
                await asyncio.sleep(0)
        messages.add(receipts)
        messages.verdicts.sort(key=lambda verdict: verdict.index)
        return messages


class _Reader:
    """Reads a file in stretches, in whatever thread asks for one."""

    def __init__(self, order: FileOrder, upload: StreamedUpload, arriving: Arriving, bytes_max: int) -> None:
        self._order = order
        self._upload = upload
        self._arriving = arriving
        self._bytes_max = bytes_max
        self._outcomes: Iterator[Outcome] | None = None

    def stretch(self) -> list[Outcome]:
        """The next outcomes; none at the end. Raises ``RequestRefusedError``."""
        try:
            if self._outcomes is None:
                order, content = self._opened()
                self._outcomes = order.outcomes(content, self._upload)
            return list(_some(self._outcomes))
        except DamagedFileError as error:
            raise RequestRefusedError(Code.INVALID_FILE, str(error)) from None
        except DAMAGE:
            raise RequestRefusedError(Code.INVALID_COMPRESSION) from None
        except UnicodeError as error:
            raise RequestRefusedError(Code.INVALID_FILE, f"it is not in its encoding: {error}"[:300]) from None

    def _opened(self) -> tuple[FileOrder, BinaryIO]:
        """The file's content, and the order, completed by what comes before the file in a form."""
        order, body = self._order, buffered(self._arriving)
        if order.boundary:
            form = Form(body, order.boundary)
            body = buffered(form)
            order = order.with_mapping(form.mapping)
        if order.packing and packing(body) != order.packing:
            raise RequestRefusedError(Code.INVALID_COMPRESSION, f"it is no {order.packing}")
        return order, cast(BinaryIO, buffered(Limited(unpacked(body), self._bytes_max)))


def _some(outcomes: Iterator[Outcome]) -> Iterator[Outcome]:
    held = 0
    for outcome in islice(outcomes, STRETCH_LINES):
        yield outcome
        held += 0 if isinstance(outcome, Skipped) else len(outcome.body if isinstance(outcome, Item) else outcome.text)
        if held >= STRETCH_BYTES:
            return


def _refusal(problem: Problem) -> ItemRefusedError:
    code = _CODES.get(problem.code) or Code(problem.code)
    return ItemRefusedError(code, problem.reason)
