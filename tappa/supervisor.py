"""``tappa up``: the parts as child processes, started in order, kept alive, stopped in order.

A part holds the lock ``lock.NAME`` of the data directory as long as it runs, and stops by itself when its standard
input ends, which happens when the supervisor is gone, however it went. So whoever holds such a lock without a
supervisor is a leftover of ours, and may be waited for, then ended."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from tappa import runfile
from tappa.child import Child, Plan, Say
from tappa.childlog import ChildLog
from tappa.lock import HeldError, Holder, Lock, holder, part_locks
from tappa.settings import SupervisorSettings

LEFTOVER_GRACE_S = 10.0
"""How long a leftover may take to stop by itself: as long as any part may."""


class Supervisor:
    """Runs the parts of one data directory, by their kind. Kinds are started in the order given, each when those before
    it are ready, and stopped in the order of ``stop_order``; the parts of one kind together."""

    def __init__(
        self,
        data: Path,
        plans: Mapping[str, Sequence[Plan]],
        stop_order: Sequence[str],
        settings: SupervisorSettings,
        say: Say,
        now_ms: Callable[[], int],
    ) -> None:
        self._data = data
        self._settings = settings
        self._say = say
        self._started_at = now_ms()
        self._ready = False
        self._stop = asyncio.Event()
        self._stop_order = stop_order
        self._kinds = {
            kind: [Child(plan, self._log_of(plan.name), settings, say, self._write_run) for plan in alike]
            for kind, alike in plans.items()
        }
        self._children = {child.plan.name: child for alike in self._kinds.values() for child in alike}

    async def run(self, when_ready: Callable[[], Awaitable[None]]) -> None:
        """Start everything, then do ``when_ready``, and return when all has stopped after a signal. Raises
        ``PartRefusedError`` when a part cannot run at all, after the others have stopped."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._asked_to_stop)
        running: list[asyncio.Task[None]] = []
        stopping = asyncio.create_task(self._stop.wait())
        starting = asyncio.create_task(self._start(running, when_ready))
        try:
            await self._until_stopped(stopping, starting, running)
        finally:
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
            await self._stop_all(running)
            (self._data / "run.json").unlink(missing_ok=True)

    def _log_of(self, name: str) -> ChildLog:
        return ChildLog(name, self._data / "logs" / f"{name}.log", self._settings.log_file_bytes_max, self._say)

    async def _start(self, running: list[asyncio.Task[None]], when_ready: Callable[[], Awaitable[None]]) -> None:
        for alike in self._kinds.values():
            running += [asyncio.create_task(child.keep_running()) for child in alike]
            await asyncio.gather(*(child.ready.wait() for child in alike))
        await when_ready()
        self._ready = True
        self._write_run()

    async def _until_stopped(
        self, stopping: asyncio.Task[bool], starting: asyncio.Task[None], running: list[asyncio.Task[None]]
    ) -> None:
        while not stopping.done():
            waited = {stopping, *running} | (set() if starting.done() else {starting})
            done, _ = await asyncio.wait(waited, timeout=1.0, return_when=asyncio.FIRST_COMPLETED)
            for task in done - {stopping}:
                task.result()

    async def _stop_all(self, running: Sequence[asyncio.Task[None]]) -> None:
        """Stop one kind after the other; each gets what is left of the time, less a share for those after it."""
        deadline = time.monotonic() + self._settings.stop_within_s
        for left, kind in zip(range(len(self._stop_order), 0, -1), self._stop_order, strict=True):
            within_s = max(deadline - time.monotonic(), 0.0)
            await asyncio.gather(*(child.stop(within_s * 2 / (left + 1)) for child in self._kinds[kind]))
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _asked_to_stop(self) -> None:
        if self._stop.is_set():
            self._say("stopping at once")
            for child in self._children.values():
                child.kill()
        else:
            self._say("stopping")
            self._stop.set()

    def _write_run(self) -> None:
        parts = {
            name: runfile.Part(
                host=child.plan.port.host,
                port=child.plan.port.number,
                pid=child.pid,
                state=child.state.value,
                restarts=child.restarts,
            )
            for name, child in self._children.items()
        }
        run = runfile.Run(pid=os.getpid(), started_at=self._started_at, ready=self._ready, parts=parts)
        try:
            runfile.write(self._data / "run.json", run)
        except OSError as error:
            self._say(f"run.json cannot be written: {error}")


def end_leftovers(data: Path, say: Say) -> None:
    """Wait for parts of an earlier run that are still stopping, and end those that do not, also when this run will not
    have them. Only for who holds the supervisor's lock. Raises ``HeldError`` when the holder is no leftover, but a part
    that somebody runs by itself."""
    deadline = time.monotonic() + LEFTOVER_GRACE_S
    for name, path in part_locks(data).items():
        told = False
        while (left := _leftover(path)) is not None and time.monotonic() < deadline:
            if not told:
                say(f"waiting for {name} of an earlier run (process {left.pid}) to stop")
                told = True
            time.sleep(0.1)
        if left is not None:
            say(f"{name} of an earlier run (process {left.pid}) does not stop: killed")
            with contextlib.suppress(ProcessLookupError):
                os.kill(left.pid, signal.SIGKILL)
        lock = Lock(path)
        lock.take("tappa up", wait_s=2.0)
        lock.release()


def _leftover(path: Path) -> Holder | None:
    with contextlib.suppress(HeldError):
        held = holder(path)
        return held if held is not None and held.supervised else None
    return None
