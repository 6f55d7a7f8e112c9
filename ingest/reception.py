"""The write path of one request: who sends it, its body, its items, the log, the answer (DESIGN 5.1)."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

import msgspec
import orjson
from starlette.requests import Request
from starlette.responses import Response

from ingest.arrival import Arrival, Rules
from ingest.body import InFlight, receive
from ingest.credentials import write_key_of
from ingest.envelope import Body, read_batch, read_receipts, read_single, text_in
from ingest.files.intake import HELD_BYTES, Intake, Taken
from ingest.files.order import read_order
from ingest.hooks.reading import HookItem, items_of
from ingest.hooks.signature import check_signature
from ingest.judge import RECEIPT, Judgement, Verdict
from ingest.metrics import Metrics
from ingest.rate import RateLimit
from ingest.refusals import TABLE, Code, ItemRefusedError, RequestRefusedError
from ingest.settings import IngestSettings
from ingest.sources import Source, Sources
from ingest.times import parse_time
from stream.log.interface import Log, LogError, LogFullError

BATCH: Final = "batch"
TURN_ITEMS: Final = 250
TURN_BYTES: Final = 200_000
"""What is judged before other requests get their turn: about 5 ms."""

FULL_LOG_TRIED_EVERY_S: Final = 0.5

CORS: Final = {"access-control-allow-origin": "*", "access-control-expose-headers": "retry-after"}


class Reception:
    """Receives requests. Whatever a request contains, the answer is not a 5xx; 503 is said only for what ails this
    side."""

    def __init__(self, rules: Rules, log: Log, sources: Sources, metrics: Metrics, now_ms: Callable[[], int]) -> None:
        settings = rules.settings
        self._rules = rules
        self._log = log
        self._sources = sources
        self._metrics = metrics
        self._now_ms = now_ms
        self._in_flight = InFlight(settings.in_flight_bytes_max)
        metrics.in_flight_bytes.set_function(lambda: self._in_flight.bytes)
        self._rate = RateLimit(settings.rate_per_s, settings.rate_burst, time.monotonic)
        self._log_failed_at = -math.inf
        self._files = 0
        self._threads = ThreadPoolExecutor(settings.files_max, "file")

    @property
    def log_failed(self) -> bool:
        """Whether an append failed so lately that senders were told to wait until now."""
        return time.monotonic() - self._log_failed_at < self._rules.settings.retry_after_s

    async def take(self, request: Request, endpoint: str, kind: str) -> Response:
        """Answers one request. ``kind`` is ``batch``, ``receipt`` or the type of a single message."""
        key = write_key_of(request)
        source = self._source(key) if key else None
        if source is not None:
            self._rate.check(key)
        settings = self._rules.settings
        bytes_max = settings.receipts_bytes_max if kind == RECEIPT else settings.body_bytes_max
        with self._in_flight.reserve() as reservation:
            raw = await receive(request, reservation, bytes_max=bytes_max, timeout_s=settings.body_timeout_s)
            body = _read(raw, kind, settings)
            if source is None:
                key = body.write_key
                source = self._source(key)
                self._rate.check(key)
            self._check_counts(body, kind)
            self._rate.take(key, len(body.items))
            judgement = await self._judge(body, source, endpoint, kind)
            await self._append(judgement)
        self._count(source, judgement)
        return json_response(200, _answer(judgement))

    async def take_hook(self, request: Request, kind: str, name: str) -> Response:
        """Answers one webhook. Who sends is said by the address, and proved by the signature."""
        source, settings = self._sources.named(name), self._rules.settings
        if source is None or source.hook is None or source.hook.kind != kind:
            raise RequestRefusedError(Code.UNKNOWN_HOOK)
        self._rate.check(f"hook {name}")
        with self._in_flight.reserve() as reservation:
            bytes_max, timeout_s = settings.receipts_bytes_max, settings.body_timeout_s
            raw = await receive(request, reservation, bytes_max=bytes_max, timeout_s=timeout_s)
            check_signature(source.hook, request.headers, raw, self._now_ms() // 1000)
            items = items_of(source.hook, request.headers, raw, document_bytes_max=settings.body_bytes_max)
            if len(items) > settings.receipts_items_max:
                raise RequestRefusedError(Code.TOO_MANY_ITEMS)
            self._rate.take(f"hook {name}", len(items))
            judgement = await self._judge_hook(items, source, f"/v1/hooks/{kind}")
            await self._append(judgement)
        self._count(source, judgement)
        return json_response(200, _answer(judgement))

    async def take_file(self, request: Request) -> Response:
        """Answers one file, at its end. Who sends it is said outside of it."""
        key = write_key_of(request)
        source = self._source(key)
        self._rate.check(key)
        order, taken = read_order(request.query_params, request.headers, source), Taken()
        if self._files >= self._rules.settings.files_max:
            raise RequestRefusedError(Code.OVERLOADED, f"{self._files} files are being taken")
        self._files += 1
        try:
            with self._in_flight.reserve() as reservation:
                reservation.take(HELD_BYTES)
                intake = Intake(self._rules, self._partitions, partial(self._keep, key), self._threads, self._now_ms)
                await intake.take(order, source, request.stream(), taken)
        except RequestRefusedError as refusal:
            raise _after(taken, refusal) from None
        finally:
            self._files -= 1
        return json_response(200, _file_answer(taken))

    def _partitions(self) -> int:
        return self._log.partitions

    async def _keep(self, key: str, source: Source, judgement: Judgement) -> None:
        """Append what is of a file; while the log is full, or the key is over its rate, wait."""
        await asyncio.sleep(self._rate.wait_s(key))
        waits_until = time.monotonic() + self._rules.settings.file_log_wait_s
        while True:
            try:
                await self._append(judgement)
            except RequestRefusedError as refusal:
                if refusal.code is not Code.LOG_FULL or time.monotonic() > waits_until:
                    raise
                await asyncio.sleep(FULL_LOG_TRIED_EVERY_S)
            else:
                break
        self._rate.take(key, judgement.accepted.total() + len(judgement.verdicts))
        self._count(source, judgement)

    async def _judge_hook(self, items: Sequence[HookItem], source: Source, endpoint: str) -> Judgement:
        """All items in one judgement, each by its own endpoint's rules."""
        arrival = Arrival(source=source, endpoint=endpoint, received_at=self._now_ms())
        together = Judgement(self._rules, arrival, self._log.partitions)
        for index, item in enumerate(items):
            kind = RECEIPT if item.is_receipt else ""
            here = msgspec.structs.replace(arrival, type=kind, receipt=item.order)
            judgement = Judgement(self._rules, here, self._log.partitions)
            if item.unmapped:
                judgement.refuse(index, item.body, ItemRefusedError(Code.UNMAPPED, item.unmapped))
            else:
                judgement.judge(index, item.body)
            together.add(judgement)
            if index % TURN_ITEMS == 0:
                await asyncio.sleep(0)
        return together

    def _source(self, key: str) -> Source:
        if not key:
            raise RequestRefusedError(Code.MISSING_WRITE_KEY)
        source = self._sources.find(key)
        if source is None:
            raise RequestRefusedError(Code.UNKNOWN_WRITE_KEY)
        return source

    def _check_counts(self, body: Body, kind: str) -> None:
        settings = self._rules.settings
        items_max = settings.receipts_items_max if kind == RECEIPT else settings.batch_items_max
        if len(body.items) > items_max:
            raise RequestRefusedError(Code.TOO_MANY_ITEMS, f"{len(body.items)}, {items_max} are allowed")
        if len(body.context) * len(body.items) > settings.expanded_bytes_max:
            raise RequestRefusedError(
                Code.BODY_TOO_LARGE, "the context counts for each item: make it or the batch smaller"
            )

    async def _judge(self, body: Body, source: Source, endpoint: str, kind: str) -> Judgement:
        received_at = self._now_ms()
        arrival = Arrival(
            source=source,
            endpoint=endpoint,
            type="" if kind == BATCH else kind,
            received_at=received_at,
            correction=self._rules.clock.correction(received_at, _time(body.sent_at)),
            context=body.context,
        )
        judgement = Judgement(self._rules, arrival, self._log.partitions)
        turn_items = turn_bytes = 0
        for index, item in enumerate(body.items):
            judgement.judge(index, item)
            turn_items, turn_bytes = turn_items + 1, turn_bytes + len(item)
            if turn_items >= TURN_ITEMS or turn_bytes >= TURN_BYTES:
                turn_items = turn_bytes = 0
                await asyncio.sleep(0)
        return judgement

    async def _append(self, judgement: Judgement) -> None:
        if not judgement.messages:
            return
        try:
            with self._metrics.append_seconds.time():
                await self._log.append(judgement.messages)
        except LogFullError:
            self._log_failed_at = time.monotonic()
            raise RequestRefusedError(Code.LOG_FULL) from None
        except LogError:
            self._log_failed_at = time.monotonic()
            raise RequestRefusedError(Code.LOG_UNAVAILABLE) from None

    def _count(self, source: Source, judgement: Judgement) -> None:
        for type_, count in judgement.accepted.items():
            self._metrics.accepted.labels(source.name, type_).inc(count)
        for verdict in judgement.verdicts:
            self._metrics.rejected.labels(verdict.code).inc()


def json_response(status: int, body: bytes, headers: dict[str, str] | None = None) -> Response:
    """An answer in JSON that any web page may read."""
    return Response(body, status, {**CORS, **(headers or {})}, media_type="application/json")


def refusal_response(refusal: RequestRefusedError, retry_after_s: int) -> Response:
    """The answer to a request that is refused as a whole."""
    row = TABLE[refusal.code]
    headers: dict[str, str] = {}
    if row.status in {429, 503}:
        headers["retry-after"] = str(refusal.retry_after_s or retry_after_s)
    if refusal.code is Code.BODY_TIMEOUT:
        headers["connection"] = "close"
    body = orjson.dumps({"success": False, "code": refusal.code, "message": str(refusal)})
    return json_response(row.status or 400, body, headers)


def _read(raw: bytes, kind: str, settings: IngestSettings) -> Body:
    if kind == BATCH:
        return read_batch(raw)
    return read_receipts(raw, document_bytes_max=settings.body_bytes_max) if kind == RECEIPT else read_single(raw)


def _time(raw: bytes) -> int | None:
    """``sentAt``; one that cannot be understood corrects nothing."""
    try:
        said: str | float = text_in(raw) or float(raw)
        return parse_time(said)
    except (ValueError, OverflowError):
        return None


def _answer(judgement: Judgement) -> bytes:
    return orjson.dumps(
        {"success": True, "accepted": judgement.accepted.total(), "rejected": _rows(judgement.verdicts)}
    )


def _file_answer(taken: Taken) -> bytes:
    named = ({"line": verdict.index, **msgspec.structs.asdict(verdict)} for verdict in taken.verdicts)
    rejected = [{name: value for name, value in row.items() if name != "index"} for row in named]
    counts = {"accepted": taken.accepted, "refused": taken.refused, "left_out": taken.left_out}
    return orjson.dumps({"success": True, **counts, "rejected": rejected})


def _after(taken: Taken, refusal: RequestRefusedError) -> RequestRefusedError:
    """The refusal of a file of which a part may have been taken, which it says."""
    if not taken.accepted:
        return refusal
    told = f"{taken.accepted} touchpoints of it are taken; send all of it again"
    detail = f"{refusal.detail}; {told}" if refusal.detail else told
    return RequestRefusedError(refusal.code, detail, retry_after_s=refusal.retry_after_s)


def _rows(verdicts: Sequence[Verdict]) -> list[dict[str, object]]:
    return [msgspec.structs.asdict(verdict) for verdict in verdicts]
