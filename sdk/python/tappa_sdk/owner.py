"""Who works with a file: a lock that the system takes back when its process ends, however it ends."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    def _lock(fd: int) -> None:
        msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(fd: int) -> None:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)


class Owner:
    """The one owner of a file, until ``release``."""

    def __init__(self, path: Path, fd: int) -> None:
        self._path = path
        self._fd: int | None = fd

    @classmethod
    def of(cls, path: Path) -> Owner | None:
        """Become the owner of what ``path`` is the lock of; None: somebody else is."""
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _lock(fd)
            if os.fstat(fd).st_ino == path.stat().st_ino:  # else its last owner has removed it meanwhile
                return cls(path, fd)
        except OSError:
            pass
        os.close(fd)
        return None

    def release(self, *, remove: bool = False) -> None:
        """Somebody else may own it; with ``remove`` there is nothing left to own."""
        if self._fd is None:
            return
        if remove:
            with suppress(OSError):  # Windows removes no open file: the empty lock stays
                self._path.unlink()
        os.close(self._fd)
        self._fd = None
