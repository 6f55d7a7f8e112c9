"""What SQLite and the system say about the log's file, as a ``LogError`` that says what to do."""

from __future__ import annotations

import contextlib
import errno
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from stream.log.interface import LogError, LogFullError, LogUnavailableError
from stream.settings import LogSettings

NO_ROOM_BYTES: Final = 65_536
"""With less on the disk, an input/output error is taken for a full disk."""


@contextlib.contextmanager
def explained(directory: Path, settings: LogSettings) -> Iterator[None]:
    """Turn what SQLite and the system say into a ``LogError`` that says what to do."""
    try:
        yield
    except sqlite3.Error as error:
        raise refusal(directory, settings, getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR), error) from error
    except msgspec.MsgspecError as error:
        raise refusal(directory, settings, sqlite3.SQLITE_CORRUPT, error) from error
    except BlockingIOError as error:
        raise refusal(directory, settings, sqlite3.SQLITE_BUSY, error) from error
    except OSError as error:
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        raise refusal(directory, settings, sqlite3.SQLITE_FULL if full else sqlite3.SQLITE_CANTOPEN, error) from error


def refusal(directory: Path, settings: LogSettings, code: int, error: Exception) -> LogError:
    """The error for a SQLite result code."""
    match code & 0xFF:
        case sqlite3.SQLITE_FULL:
            return disk_full(directory)
        case sqlite3.SQLITE_IOERR if shutil.disk_usage(directory).free < NO_ROOM_BYTES:
            return disk_full(directory)
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return LogUnavailableError(
                f"the log in {directory} is damaged ({error}): stop Tappa, move the directory away and keep it, and"
                " start again with an empty one; what the store holds stays, and what was acknowledged but not yet"
                " stored is in the damaged file (sqlite3's .recover reads what can be read)"
            )
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return LogUnavailableError(
                f"another process has held the log in {directory} for {settings.lock_timeout_s:.0f} s:"
                " is one of Tappa's processes hanging, or another program reading the file?"
            )
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
            return LogUnavailableError(
                f"the log in {directory} cannot be opened for writing ({error}):"
                " check the directory's owner, its permissions, and whether its disk is mounted read-only"
            )
        case _:
            return LogUnavailableError(f"the log in {directory} cannot be used ({error}): check its disk")


def disk_full(directory: Path) -> LogFullError:
    """The disk is full, or nearly."""
    return LogFullError(
        f"the disk that holds {directory} is full: free some space, and the log goes on by itself;"
        " nothing that was acknowledged is lost"
    )
