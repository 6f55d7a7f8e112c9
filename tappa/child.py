"""One supervised process: started, watched, started again, stopped."""

from __future__ import annotations

import asyncio
import contextlib
import math
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tappa.childlog import ChildLog
from tappa.exits import EXIT_REFUSED, EXIT_USAGE
from tappa.ports import Port
from tappa.runfile import reachable, url
from tappa.settings import SupervisorSettings

Say = Callable[[str], None]


class State(StrEnum):
    """Where a part stands."""

    WAITING = "waiting"
    STARTING = "starting"
    READY = "ready"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a part is: how to start it and how to ask it whether it is well. It is handed the port as ``--listen
    FD``."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    port: Port
    ready: str
    """Path that answers 200 once it can do its work."""
    health: str
    """Path that answers 200 as long as starting it again would not help."""


class PartRefusedError(RuntimeError):
    """A part said that starting it again will not help; the message is its own last words."""


def backoff_s(failures: int, *, first_s: float, longest_s: float) -> float:
    """How long to wait before the start after so many ends in a row: doubling, up to the longest."""
    return min(first_s * 2.0 ** min(failures - 1, 30), longest_s)


class Child:
    """Keeps one part running until told to stop. ``changed`` is called whenever ``state``, ``pid`` or ``restarts``
    changes."""

    def __init__(
        self, plan: Plan, log: ChildLog, settings: SupervisorSettings, say: Say, changed: Callable[[], None]
    ) -> None:
        self.plan = plan
        self.state = State.WAITING
        self.pid: int | None = None
        self.restarts = 0
        self.ready = asyncio.Event()
        self._log = log
        self._settings = settings
        self._say = say
        self._changed = changed
        self._stopping = False
        self._process: asyncio.subprocess.Process | None = None
        self._ended = asyncio.Event()
        self._ended.set()

    async def keep_running(self) -> None:
        """Start it and, whenever it ends, start it again; returns once ``stop`` was called. Raises
        ``PartRefusedError`` when the part asks not to be started again."""
        failures = 0
        while not self._stopping:
            began = time.monotonic()
            code = await self._once()
            if self._stopping:
                break
            if code in (EXIT_REFUSED, EXIT_USAGE):
                raise PartRefusedError(f"{self.plan.name} cannot run:\n{self._log.last_words()}")
            failures = 1 if time.monotonic() - began > self._settings.steady_after_s else failures + 1
            wait_s = backoff_s(failures, first_s=self._settings.backoff_s, longest_s=self._settings.backoff_s_max)
            self._say(f"{self.plan.name} {_ending(code)}; starting it again in {wait_s:g} s (see {self._log.path})")
            self.restarts += 1
            self._be(State.WAITING)
            await asyncio.sleep(wait_s)

    async def stop(self, within_s: float) -> None:
        """End it: nobody can connect any more, it is asked to stop, and killed after ``within_s``. On return the
        process is gone."""
        self._stopping = True
        self.plan.port.close()
        if self._process is None:
            self._be(State.STOPPED)
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self._ended.wait(), within_s)
        except TimeoutError:
            self._say(f"{self.plan.name} did not stop within {within_s:.1f} s: killed")
            self.kill()
            await self._ended.wait()
        self._be(State.STOPPED)

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def _once(self) -> int:
        process = await asyncio.create_subprocess_exec(
            *self.plan.command,
            "--listen",
            str(self.plan.port.fileno()),
            pass_fds=(self.plan.port.fileno(),),
            env=self.plan.environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        self._process, self.pid = process, process.pid
        self._ended.clear()
        self._be(State.STARTING)
        if self._stopping:
            self.kill()
        assert process.stdout is not None
        reading = asyncio.create_task(self._log.follow(process.stdout))
        watching = asyncio.create_task(self._watch())
        try:
            code = await process.wait()
            await asyncio.wait([reading], timeout=1.0)
        finally:
            if process.returncode is None:
                self.kill()
            watching.cancel()
            reading.cancel()
            await asyncio.gather(watching, reading, return_exceptions=True)
            self._process = self.pid = None
            self.ready.clear()
            self._ended.set()
        return code

    async def _watch(self) -> None:
        """Ask again and again whether it is well, and kill it when it has not been for too long."""
        settings = self._settings
        deadline = time.monotonic() + settings.ready_within_s
        unwell = 0
        while not self._stopping:
            if await self._answers(self.plan.health):
                unwell, deadline = 0, math.inf
            elif deadline == math.inf:
                unwell += 1
            hung = unwell >= settings.health_failures_max
            if hung or time.monotonic() > deadline:
                late = "does not answer any more" if hung else f"did not answer within {settings.ready_within_s:g} s"
                self._say(f"{self.plan.name} {late}: killed")
                self.kill()
                return
            if not self.ready.is_set() and await self._answers(self.plan.ready):
                unwell, deadline = 0, math.inf
                self.ready.set()
                self._be(State.READY)
                self._say(f"{self.plan.name} is ready on {url(self.plan.port.host, self.plan.port.number)}")
            await asyncio.sleep(settings.health_interval_s if self.ready.is_set() else STARTING_INTERVAL_S)

    async def _answers(self, path: str) -> bool:
        port = self.plan.port
        return await is_well(reachable(port.host), port.number, path, self._settings.health_timeout_s)

    def _be(self, state: State) -> None:
        self.state = state
        self._changed()


STARTING_INTERVAL_S: Final = 0.1
"""Between two looks at a part that is not ready yet: short, since somebody is waiting."""


async def is_well(host: str, port: int, path: str, timeout_s: float) -> bool:
    """Whether ``GET path`` answers with status 200 in time."""
    return await _in_time(_answers_200(host, port, path), timeout_s)


async def _in_time(answer: Awaitable[bool], timeout_s: float) -> bool:
    try:
        return await asyncio.wait_for(answer, timeout_s)
    except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return False


async def _answers_200(host: str, port: int, path: str) -> bool:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        status = await reader.readuntil(b"\r\n")
        await reader.read(4096)
        return status.split(b" ")[1:2] == [b"200"]
    finally:
        writer.close()


def _ending(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
