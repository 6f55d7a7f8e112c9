"""The load generator: one process, one thread, sockets without a library, requests made before the clock starts.

Closed loop: each connection sends its next request when the last is answered: as fast as the server goes. Open loop:
requests are due at fixed moments, whatever the answers do, and each latency counts from the moment at which the request
was *due*: a server that stalls pays for everybody who had to wait meanwhile (no coordinated omission). Each sender has
one connection and sends in order, one request at a time, without pipelining.

``python -m benches.generator`` reads an ``Order`` as a line of JSON, says ``ready``, waits for a second line, says at
which ``time.monotonic_ns()`` it begins, sends, and answers with an ``Outcome`` as a line of JSON.
"""

from __future__ import annotations

import gc
import json
import mmap
import re
import resource
import select
import socket
import sys
import time
from array import array
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from benches.requests import head, read_table

RECEIVE_BYTES: Final = 1 << 18
SEND_BUFFER_BYTES: Final = 1 << 20
"""Room for a whole batch, so that one call sends it."""
STATUS: Final = re.compile(rb"HTTP/1\.1 (\d{3})")
LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
ACCEPTED: Final = re.compile(rb'"accepted": *(\d+)')
NEVER: Final = -1
REFUSALS_KEPT_MAX: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to send where."""

    host: str
    port: int
    bodies: str
    table: str
    authorization: dict[str, str]
    """Header for each route."""
    times: str
    """File for the moments of each request."""
    rate_per_s: float = 0.0
    """Requests a second in an open loop; 0: a closed loop."""
    limit_s: float = 60.0
    """No request is sent later than this."""
    answer_wait_s: float = 30.0
    """How long to wait for the last answers after that."""


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What came of it. Times are ``time.monotonic_ns()``, which all processes of a machine share."""

    began_ns: int = 0
    ended_ns: int = 0
    """When the last answer was there."""
    sent: int = 0
    accepted: int = 0
    """Items, as the answers say."""
    fresh: int = 0
    """Touchpoints that were not sent before, in requests that were answered with 200."""
    statuses: dict[str, int] = field(default_factory=dict)
    refusals: list[str] = field(default_factory=list)
    """The first answers that were not 200."""
    unanswered: int = 0
    bytes: int = 0
    cpu_s: float = 0.0
    memory_peak_bytes: int = 0

    @property
    def wall_s(self) -> float:
        return (self.ended_ns - self.began_ns) / 1e9

    @property
    def clean(self) -> bool:
        """Everything that was sent was answered with 200."""
        return self.unanswered == 0 and self.statuses == {"200": self.sent}


class Connection:
    """One sender's connection and what waits for it."""

    __slots__ = ("answer", "busy", "rest", "socket", "waiting")

    def __init__(self, host: str, port: int) -> None:
        self.socket = socket.create_connection((host, port), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        self.socket.setblocking(False)
        self.waiting: deque[int] = deque()
        self.busy = NEVER
        """The request that is under way."""
        self.rest: list[memoryview] = []
        """What of it could not be sent yet."""
        self.answer = b""
        """What of its answer has come."""


class Generator:
    """Sends the requests of one order."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._requests = read_table(Path(order.table))
        with Path(order.bodies).open("rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
        host = f"{order.host}:{order.port}"
        whole = memoryview(self._map)
        self._bodies = [whole[request.begin : request.end] for request in self._requests]
        self._heads = [head(request, host, order.authorization) for request in self._requests]
        self._began_at = array("q", [NEVER]) * len(self._requests)
        self._ended_at = array("q", [NEVER]) * len(self._requests)
        senders = 1 + max(request.sender for request in self._requests)
        self._connections = [Connection(order.host, order.port) for _ in range(senders)]
        self._by_file = {connection.socket.fileno(): connection for connection in self._connections}
        self._poll = select.epoll()
        for file_number in self._by_file:
            self._poll.register(file_number, select.EPOLLIN)
        self._statuses: dict[bytes, int] = {}
        self._outcome = Outcome()
        self._under_way = 0

    def run(self, announce: Callable[[int], None]) -> Outcome:
        """Send all, or as much as the limit of time allows; return when everything is answered or given up.
        ``announce`` gets the moment of the first request."""
        outcome, order = self._outcome, self._order
        gc.collect()
        gc.disable()
        cpu_began = time.process_time()
        outcome.began_ns = outcome.ended_ns = time.monotonic_ns()
        announce(outcome.began_ns)
        (self._open_loop if order.rate_per_s else self._closed_loop)()
        outcome.cpu_s = time.process_time() - cpu_began
        outcome.statuses = {status.decode(): count for status, count in self._statuses.items()}
        outcome.unanswered = outcome.sent - sum(outcome.statuses.values())
        outcome.memory_peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        with Path(order.times).open("wb") as file:
            self._began_at.tofile(file)
            self._ended_at.tofile(file)
        return outcome

    def _closed_loop(self) -> None:
        stop_ns = self._outcome.began_ns + int(self._order.limit_s * 1e9)
        for number, request in enumerate(self._requests):
            self._connections[request.sender].waiting.append(number)
        for connection in self._connections:
            if connection.waiting:
                self._send(connection)
        while self._under_way:
            for connection in self._answered(0.1):
                if connection.waiting and self._outcome.ended_ns < stop_ns:
                    self._send(connection)
            if time.monotonic_ns() > stop_ns + self._order.answer_wait_s * 1e9:
                return

    def _open_loop(self) -> None:
        """The moment of each request is fixed beforehand; the clock does not wait for anybody."""
        requests, connections, began_at = self._requests, self._connections, self._began_at
        interval_ns = 1e9 / self._order.rate_per_s
        began_ns = self._outcome.began_ns
        count = min(len(requests), int(self._order.limit_s * self._order.rate_per_s))
        due = 0
        stop_ns = began_ns + int(count * interval_ns + self._order.answer_wait_s * 1e9)
        while due < count or self._under_way:
            now_ns = time.monotonic_ns()
            while due < count and (due_ns := began_ns + int(due * interval_ns)) <= now_ns:
                began_at[due] = due_ns
                connection = connections[requests[due].sender]
                connection.waiting.append(due)
                if connection.busy == NEVER:
                    self._send(connection)
                due += 1
            wait_s = (began_ns + due * interval_ns - time.monotonic_ns()) / 1e9 if due < count else 0.1
            for connection in self._answered(max(wait_s, 0)):
                if connection.waiting:
                    self._send(connection)
            if now_ns > stop_ns:
                return

    def _send(self, connection: Connection) -> None:
        number = connection.waiting.popleft()
        connection.busy = number
        self._under_way += 1
        self._outcome.sent += 1
        if not self._order.rate_per_s:
            self._began_at[number] = time.monotonic_ns()
        request_head, body = self._heads[number], self._bodies[number]
        length = len(request_head) + len(body)
        self._outcome.bytes += length
        sent = connection.socket.sendmsg((request_head, body))
        if sent < length:
            connection.rest = [memoryview(request_head + bytes(body))[sent:]]
            self._poll.modify(connection.socket.fileno(), select.EPOLLIN | select.EPOLLOUT)

    def _answered(self, wait_s: float) -> list[Connection]:
        """Wait for up to ``wait_s``; the connections whose request was answered."""
        if self._order.rate_per_s:
            # epoll waits whole milliseconds; select on the epoll itself waits microseconds
            wait_s = 0 if select.select((self._poll,), (), (), wait_s)[0] else NEVER
        free: list[Connection] = []
        for file_number, event in self._poll.poll(wait_s) if wait_s >= 0 else ():
            connection = self._by_file[file_number]
            if event & select.EPOLLOUT:
                self._send_rest(connection)
            if event & ~select.EPOLLOUT and self._receive(connection):
                free.append(connection)
        return free

    def _send_rest(self, connection: Connection) -> None:
        rest = connection.rest[0]
        sent = connection.socket.send(rest)
        connection.rest = [rest[sent:]] if sent < len(rest) else []
        if not connection.rest:
            self._poll.modify(connection.socket.fileno(), select.EPOLLIN)

    def _receive(self, connection: Connection) -> bool:
        """Take what came; True when the answer is whole."""
        try:
            chunk = connection.socket.recv(RECEIVE_BYTES)
        except OSError:
            chunk = b""
        if not chunk:
            self._give_up(connection)
            return False
        answer = connection.answer + chunk if connection.answer else chunk
        header_end = answer.find(b"\r\n\r\n")
        if header_end < 0 or not (length := LENGTH.search(answer, 0, header_end + 2)):
            connection.answer = answer
            return False
        if len(answer) < header_end + 4 + int(length[1]):
            connection.answer = answer
            return False
        outcome = self._outcome
        self._ended_at[connection.busy] = outcome.ended_ns = time.monotonic_ns()
        status = answer[9:12]
        self._statuses[status] = self._statuses.get(status, 0) + 1
        if status == b"200" and (accepted := ACCEPTED.search(answer, header_end)):
            outcome.accepted += int(accepted[1])
            outcome.fresh += self._requests[connection.busy].fresh
        elif len(outcome.refusals) < REFUSALS_KEPT_MAX:
            outcome.refusals.append(answer[:1000].decode("latin-1"))
        connection.busy = NEVER
        connection.answer = b""
        self._under_way -= 1
        return True

    def _give_up(self, connection: Connection) -> None:
        """The server closed the connection: what was under way stays unanswered, what waits is not sent."""
        if connection.busy != NEVER:
            self._under_way -= 1
        if len(self._outcome.refusals) < REFUSALS_KEPT_MAX:
            self._outcome.refusals.append("the server closed a connection")
        connection.waiting.clear()
        self._poll.unregister(connection.socket.fileno())
        connection.socket.close()


def read_times(path: Path) -> tuple[array[int], array[int]]:
    """Begin and end of each request, in nanoseconds, ``NEVER`` where there was none."""
    times = array("q")
    times.frombytes(path.read_bytes())
    half = len(times) // 2
    return times[:half], times[half:]


def main() -> None:
    """Obey one order from standard input."""
    order: dict[str, Any] = json.loads(sys.stdin.readline())
    generator = Generator(Order(**order))
    print("ready", flush=True)
    sys.stdin.readline()
    outcome = generator.run(lambda began_ns: print(began_ns, flush=True))
    print(json.dumps(asdict(outcome)), flush=True)


if __name__ == "__main__":
    main()
