"""One holder at a time: a file lock that dies with its process, and says whose it is."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from typing import IO

import msgspec


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """Who holds a lock."""

    pid: int
    command: str
    supervised: bool = False
    """Whether it is a part that stops by itself when its supervisor is gone."""
    workers: int = 1
    """Of a worker: how many there are, itself included (``tappa.workers``); 0 for one whose group counts them."""


class HeldError(RuntimeError):
    """Another process holds the lock; ``holder`` is None when it has not said who it is."""

    def __init__(self, path: Path, holder: Holder | None) -> None:
        self.holder = holder
        who = f"process {holder.pid} ({holder.command})" if holder else "another process"
        super().__init__(f"{path} is held by {who}")


class Lock:
    """The lock at ``path``, held from ``take`` until ``release`` or the end of the process, however it ends. A process
    that was started by the holder does not have it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[str] | None = None

    def take(self, command: str, *, wait_s: float = 0.0, supervised: bool = False, workers: int = 1) -> None:
        """Hold it, or raise ``HeldError`` when somebody else still does after ``wait_s``."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        file = self.path.open("a+", encoding="utf-8")
        deadline = time.monotonic() + wait_s
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    file.close()
                    raise HeldError(self.path, _read(self.path)) from None
                time.sleep(0.05)
        file.truncate(0)
        itself = Holder(pid=os.getpid(), command=command, supervised=supervised, workers=workers)
        file.write(msgspec.json.encode(itself).decode())
        file.flush()
        self._file = file

    def release(self) -> None:
        """Let go of it; harmless when it is not held."""
        if self._file is not None:
            self._file.truncate(0)
            self._file.close()
            self._file = None


def holder(path: Path) -> Holder | None:
    """Who holds the lock at ``path``; None when nobody does. A lock that is held by somebody who has not yet said so
    raises ``HeldError``."""
    try:
        file = path.open("r", encoding="utf-8")
    except FileNotFoundError:
        return None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            found = _read(path)
            if found is None:
                raise HeldError(path, None) from None
            return found
    return None


def part_lock(data: Path, name: str) -> Path:
    """The lock that the part ``name`` holds while it runs."""
    return data / f"lock.{name}"


def part_locks(data: Path) -> dict[str, Path]:
    """The locks of all parts that ever ran on ``data``, by their names."""
    return {path.suffix.removeprefix("."): path for path in sorted(data.glob("lock.*"))}


def _read(path: Path) -> Holder | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Holder)
    except (OSError, msgspec.DecodeError):
        return None
