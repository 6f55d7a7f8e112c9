"""Items that wait on disk, in a directory: they survive the process, however it ends.

Each process writes a file of its own, because SQLite's connections and locks must not cross a fork. A file whose
process is gone is taken over by any other that uses the directory: at its start, and every few seconds.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from threading import Condition, Lock
from uuid import uuid4

from tappa_sdk.buffer import Batch
from tappa_sdk.errors import SpoolError
from tappa_sdk.item import Item
from tappa_sdk.owner import Owner
from tappa_sdk.spool_file import SpoolFile, count

LOG = logging.getLogger("tappa_sdk")

ADOPT_S = 2.0
"""How often to look for files whose process is gone."""
_LOOK_S = 0.05


class Spool:
    """A ``Buffer``. ``put`` returns once the items are on disk. ``bytes_max`` bounds this process's file."""

    look_s: float | None = ADOPT_S

    def __init__(self, directory: Path, *, bytes_max: int, batch_items_max: int, batch_bytes_max: int) -> None:
        self._directory = directory
        self._bytes_max = bytes_max
        self._batch_items_max = batch_items_max
        self._batch_bytes_max = batch_bytes_max
        self._lock = Lock()
        self._changed = Condition()
        self._own: SpoolFile | None = None
        self._files: dict[str, tuple[SpoolFile, Owner]] = {}
        self._not_ours: set[str] = set()
        """Files that a parent process had open when this one was forked, and damaged ones."""
        self._adopted_at = 0.0
        try:
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise SpoolError(f"the spool cannot be made: {error}") from error

    def put(self, items: Sequence[Item]) -> bool:
        """Return once they are on disk. Raises ``SpoolError``."""
        own = self._own or self._open()
        try:
            if own.size() > self._bytes_max:
                return False
        except sqlite3.Error as error:
            raise SpoolError(f"{own.path} cannot be read: {error}") from error
        own.append(items)
        return True

    def room(self, timeout_s: float | None) -> None:
        """Return once something was removed, or after the time."""
        with self._changed:
            self._changed.wait(timeout_s)

    def take(self) -> Batch | None:
        """The oldest items of a file that has some, those of processes that are gone first. Files that these leave
        empty are removed."""
        self._adopt()
        with self._lock:
            files = sorted(self._files.values(), key=lambda entry: entry[0] is self._own)
        for file, owner in files:
            try:
                batch = file.head(self._batch_items_max, self._batch_bytes_max)
            except sqlite3.DatabaseError as error:
                if file is self._own or isinstance(error, sqlite3.OperationalError):
                    raise
                self._set_aside(file.path, error)
                continue
            if batch is not None:
                return batch
            if file is not self._own:
                self._drop(file, owner)
        return None

    def remove(self, batch: Batch) -> None:
        """They are done with."""
        file, _ = self._files[batch.file]
        file.remove(batch.keys)
        with self._changed:
            self._changed.notify_all()

    def settled(self, timeout_s: float | None) -> bool:
        """Whether all that was put before the call has left this process's file, and nothing is left in those that it
        took over."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        self._adopt()
        number = self._own.last if self._own is not None else 0
        while not self._is_settled(number):
            left = _LOOK_S if deadline is None else min(_LOOK_S, deadline - time.monotonic())
            if left <= 0:
                return False
            self.room(left)
        return True

    def has_batch(self) -> bool:
        """Never: writing takes longer than collecting."""
        return False

    def has_any(self) -> bool:
        """Whether there is a file, of whatever process."""
        return any(self._directory.glob("*.spool"))

    def leave(self) -> Sequence[Item]:
        """Close the files; what is in them stays there, and nothing is lost."""
        with self._lock:
            for file, owner in self._files.values():
                owner.release(remove=file.close())
            self._files.clear()
            self._own = None
        return ()

    def before_fork(self) -> None:
        """No file is in the middle of anything while the process is copied."""
        self._lock.acquire()
        self._changed.acquire()
        for file, _ in self._files.values():
            file.hold()

    def after_fork_in_parent(self) -> None:
        """Go on."""
        for file, _ in self._files.values():
            file.let_go()
        self._changed.release()
        self._lock.release()

    def after_fork_in_child(self) -> None:
        """The files stay the parent's."""
        for file, owner in self._files.values():
            file.forget()
            owner.release()  # this process's copy of it: the parent keeps it
        self._not_ours |= set(self._files)
        self._files, self._own = {}, None
        self._lock, self._changed = Lock(), Condition()

    def _open(self) -> SpoolFile:
        """This process's file: one that is left over, or a new one."""
        with self._lock:
            if self._own is not None:
                return self._own
            if not self._files:
                self._take_over()
            if self._files:
                self._own = next(iter(self._files.values()))[0]
                return self._own
            path = self._directory / f"{uuid4().hex[:12]}.spool"
            owner = Owner.of(path.with_suffix(".lock"))
            if owner is None:
                raise SpoolError(f"{path} cannot be locked")
            self._own = SpoolFile(path)
            self._files[str(path)] = (self._own, owner)
            return self._own

    def _adopt(self) -> None:
        now = time.monotonic()
        if now - self._adopted_at < ADOPT_S and self._files:
            return
        self._adopted_at = now
        with self._lock:
            self._take_over()

    def _take_over(self) -> None:
        """Own every file whose process is gone."""
        for path in sorted(self._directory.glob("*.spool")):
            if str(path) in self._files or str(path) in self._not_ours:
                continue
            owner = Owner.of(path.with_suffix(".lock"))
            if owner is None:
                continue
            if not path.exists():
                owner.release(remove=True)
                continue
            try:
                self._files[str(path)] = (SpoolFile(path), owner)
            except SpoolError as error:
                owner.release()
                self._not_ours.add(str(path))
                LOG.error("left alone: %s", error)

    def _set_aside(self, path: Path, error: sqlite3.Error) -> None:
        """A damaged file must not keep others from being sent. It stays where it is."""
        LOG.error("%s is damaged and left alone: %s", path, error)
        with self._lock:
            _, owner = self._files.pop(str(path))
            self._not_ours.add(str(path))
            owner.release()

    def _drop(self, file: SpoolFile, owner: Owner) -> None:
        with self._lock:
            if file is self._own:  # somebody has just begun to write into it
                return
            del self._files[str(file.path)]
            owner.release(remove=file.close())

    def _is_settled(self, number: int) -> bool:
        with self._lock:
            own = self._own
            if any(file is not own for file, _ in self._files.values()):
                return False
            try:
                return own is None or not 0 < own.oldest() <= number
            except sqlite3.Error:
                return False


def waiting(directory: Path) -> tuple[int, int]:
    """Items that wait in a spool, and their bytes, whoever works with it. Raises ``SpoolError``."""
    counts = [count(path) for path in sorted(directory.glob("*.spool"))]
    return sum(items for items, _ in counts), sum(size for _, size in counts)
