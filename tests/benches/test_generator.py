"""The load generator against a server that the test writes."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path

from benches.generator import NEVER, Order, Outcome, read_times
from benches.machine import ROOT
from benches.requests import ROUTES, Request, Requests, read_table, write
from benches.workload import Workload, items

Answer = Callable[[bytes, bytes], bytes]


class Server:
    """Keeps what it is sent; answers as it is told, after a delay."""

    def __init__(self, answer: Answer, delay_s: float = 0.0) -> None:
        self.answer = answer
        self.delay_s = delay_s
        self.heads: list[bytes] = []
        self.bodies: list[bytes] = []
        self.connections: list[list[bytes]] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        mine: list[bytes] = []
        self.connections.append(mine)
        while True:
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                break
            body = await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]))
            self.heads.append(head)
            self.bodies.append(body)
            mine.append(body)
            await asyncio.sleep(self.delay_s)
            answer = self.answer(head, body)
            writer.write(answer[:20])
            await writer.drain()
            writer.write(answer[20:])
        writer.close()


def said(status: str, body: bytes) -> bytes:
    return f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body


def accepts(head: bytes, body: bytes) -> bytes:
    parsed = json.loads(body)
    batch = parsed.get("batch", [parsed]) if isinstance(parsed, dict) else parsed
    return said("200 OK", b'{"success":true,"accepted":%d,"rejected":[]}' % len(batch))


@asynccontextmanager
async def running(server: Server) -> AsyncIterator[int]:
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, limit=1 << 20)
    async with listening:
        yield listening.sockets[0].getsockname()[1]


async def generated(port: int, requests: Requests, tmp_path: Path, rate_per_s: float = 0.0) -> Outcome:
    order = Order(
        host="127.0.0.1",
        port=port,
        bodies=str(requests.path),
        table=str(requests.table),
        authorization=dict.fromkeys(ROUTES, "Basic a2V5Og=="),
        times=str(tmp_path / "times"),
        rate_per_s=rate_per_s,
        answer_wait_s=5.0,
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "benches.generator",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    output, _ = await process.communicate(json.dumps(asdict(order)).encode() + b"\ngo\n")
    return Outcome(**json.loads(output.splitlines()[-1]))


def workload(count: int, *, senders: int = 4, block: int = 10) -> Workload:
    return Workload(seed=1, items=count, start_ms=0, end_ms=10**9, customers=100, senders=senders, block=block)


async def test_every_request_is_sent_once_and_counted_by_its_status(tmp_path: Path) -> None:
    requests = write(tmp_path / "bodies", items(workload(500)), batch=10)
    server = Server(accepts)
    async with running(server) as port:
        outcome = await generated(port, requests, tmp_path)
    assert outcome.statuses == {"200": 50}
    assert (outcome.sent, outcome.accepted, outcome.fresh, outcome.clean) == (50, 500, 500, True)
    whole = requests.path.read_bytes()
    assert sorted(server.bodies) == sorted(whole[row.begin : row.end] for row in rows(requests))
    assert all(b"Authorization: Basic a2V5Og==\r\n" in head for head in server.heads)


async def test_each_sender_has_one_connection_and_keeps_its_order(tmp_path: Path) -> None:
    requests = write(tmp_path / "bodies", items(workload(300, block=1)), batch=1)
    server = Server(accepts)
    async with running(server) as port:
        await generated(port, requests, tmp_path)
    whole = requests.path.read_bytes()
    by_sender = [[whole[row.begin : row.end] for row in rows(requests) if row.sender == sender] for sender in range(4)]
    assert sorted(server.connections) == sorted(by_sender)


async def test_an_open_loop_counts_from_the_moment_a_request_was_due(tmp_path: Path) -> None:
    """One sender, due every 5 ms, is answered after 20 ms: each has to wait 15 ms longer than the one before."""
    requests = write(tmp_path / "bodies", items(workload(40, senders=1, block=1)), batch=1)
    server = Server(accepts, delay_s=0.02)
    async with running(server) as port:
        outcome = await generated(port, requests, tmp_path, rate_per_s=200)
    began, ended = read_times(tmp_path / "times")
    assert [moment - began[0] for moment in began] == [number * 5_000_000 for number in range(40)]
    assert began[0] == outcome.began_ns
    assert ended[39] - began[39] >= 40 * 20_000_000 - 39 * 5_000_000


async def test_a_refusal_is_counted_and_quoted(tmp_path: Path) -> None:
    requests = write(tmp_path / "bodies", items(workload(50)), batch=10)
    server = Server(lambda head, body: said("503 Service Unavailable", b'{"success":false}'))
    async with running(server) as port:
        outcome = await generated(port, requests, tmp_path)
    assert outcome.statuses == {"503": 5}
    assert (outcome.accepted, outcome.clean) == (0, False)
    assert outcome.refusals[0].startswith("HTTP/1.1 503")


async def test_a_closed_connection_leaves_its_request_unanswered(tmp_path: Path) -> None:
    requests = write(tmp_path / "bodies", items(workload(20, senders=1)), batch=10)

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    server = Server(accepts)
    server.serve = hang_up  # type: ignore[method-assign]
    async with running(server) as port:
        outcome = await generated(port, requests, tmp_path)
    assert (outcome.sent, outcome.unanswered, outcome.clean) == (1, 1, False)
    assert read_times(tmp_path / "times")[1][0] == NEVER


def rows(requests: Requests) -> list[Request]:
    return read_table(requests.table)
