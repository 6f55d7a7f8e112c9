"""What a browser meets in the tests: pages on one origin, and on another a proxy in front of ingest that can be told to
misbehave."""

from __future__ import annotations

import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar, Final
from urllib.parse import unquote

import httpx

PAGES: Final = Path(__file__).resolve().parent / "pages"
TYPES: Final = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
HANG_S: Final = 60.0


class Quiet(BaseHTTPRequestHandler):
    """A handler that keeps connections, answers and logs nothing."""

    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *arguments: Any) -> None:
        pass

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        try:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            self.close_connection = True  # the page is gone

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("content-length", "0")))


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that is killed says no goodbye."""


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """The origin of a server that runs meanwhile."""
    server = Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://localhost:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def pages(folders: tuple[Path, ...], policy: str) -> type[Quiet]:
    """Files of these folders, under a content security policy."""

    class Pages(Quiet):
        def do_GET(self) -> None:
            name = self.path.partition("?")[0].strip("/") or "page.html"
            file = next((folder / name for folder in folders if (folder / name).is_file()), None)
            if file is None:
                self.answer(404)
                return
            policy_header = {"content_security_policy": policy} if policy else {}
            self.answer(
                200, file.read_bytes(), content_type=TYPES.get(file.suffix, "application/octet-stream"), **policy_header
            )

    return Pages


def messages_in(body: bytes) -> int:
    """Of a batch, or 1."""
    return len(json.loads(body).get("batch", [0]))


def ids_in(body: bytes) -> list[str]:
    """Of the messages of a batch, or of the one message."""
    said = json.loads(body)
    return [str(message.get("messageId")) for message in said.get("batch", [said])]


def proxy(ingest: str, kill: Callable[[], None]) -> type[Quiet]:
    """``/NAME/v1/…`` is passed on to ingest as ``/v1/…``, unless ``POST /_plan/NAME`` has said otherwise: a list of
    what becomes of the next requests of that name, the last of them for good. ``GET /_seen/NAME`` tells how many
    messages each request had, ``/_taken/NAME`` which messages ingest has answered with 200, repeats included.

    pass; 429:S and 503:S (``Retry-After``); hang (no answer); swallow (passed on, but the answer is lost); slow:S
    (passed on, the answer is S seconds late); kill (``kill`` ingest, and no answer). While ingest is away nothing is
    answered.
    """

    class Proxy(Quiet):
        plans: ClassVar[dict[str, list[str]]] = defaultdict(list)
        seen: ClassVar[dict[str, list[int]]] = defaultdict(list)
        taken: ClassVar[dict[str, list[str]]] = defaultdict(list)
        held = threading.Lock()

        def do_OPTIONS(self) -> None:
            self.pass_on(self.body())

        def do_GET(self) -> None:
            _, what, name, *_ = self.path.split("/", 3)
            told: dict[str, Any] = {"_seen": self.seen, "_taken": self.taken}
            if what in told:
                self.answer(200, json.dumps(told[what][name]).encode())
            else:
                self.pass_on(b"")

        def do_POST(self) -> None:
            body = self.body()
            _, name, rest = self.path.split("/", 2)
            if name == "_plan":
                with self.held:
                    self.plans[rest] = json.loads(body)
                self.answer(200)
                return
            with self.held:
                plan = self.plans[name]
                step = (plan.pop(0) if len(plan) > 1 else plan[0]) if plan else "pass"
                self.seen[name].append(messages_in(body))
            kind, _, seconds = step.partition(":")
            match kind:
                case "429" | "503":
                    cors = {"access_control_allow_origin": "*", "access_control_expose_headers": "retry-after"}
                    self.answer(int(kind), b"{}", retry_after=seconds, **cors)
                case "hang":
                    self.connection.settimeout(HANG_S)
                    with suppress(OSError):
                        self.rfile.read(1)  # until the browser gives up
                    self.close_connection = True
                case "swallow":
                    self.passed_on(body)
                    self.close_connection = True
                case "slow":
                    self.pass_on(body, float(seconds))
                case "kill":
                    kill()
                    self.close_connection = True
                case _:
                    self.pass_on(body)

        def pass_on(self, body: bytes, late_s: float = 0) -> None:
            try:
                answer = self.passed_on(body)
            except httpx.TransportError:
                self.close_connection = True
                return
            if self.command == "POST" and answer.status_code == httpx.codes.OK:
                with self.held:
                    self.taken[self.path.split("/")[1]] += ids_in(body)
            time.sleep(late_s)
            headers = {
                name: value
                for name, value in answer.headers.items()
                if name.startswith(("access-control", "content-type", "retry-after"))
            }
            self.answer(answer.status_code, answer.content, **headers)

        def passed_on(self, body: bytes) -> httpx.Response:
            path = "/" + unquote(self.path).split("/", 2)[2]
            headers = {
                name: value for name, value in self.headers.items() if name.lower() not in {"host", "connection"}
            }
            return httpx.request(self.command, ingest + path, content=body, headers=headers, timeout=30)

    return Proxy
