"""The directories of the store: the data, held by one process, and what the engine puts aside while it works."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

from store.settings import EmbeddedStoreSettings

_PID: Final = re.compile(r"PID: (\d+)")


class StoreHeldError(RuntimeError):
    """Another process has the data open."""

    def __init__(self, data: Path, pid: int | None) -> None:
        who = f"process {pid}" if pid else "another process"
        super().__init__(f"the store in {data} is held by {who}; stop it first, or choose another data directory")
        self.pid = pid


@dataclass(frozen=True, slots=True)
class Directory:
    """``store/`` is the data, ``tmp/`` private to the running process: it holds customers' data for moments."""

    root: Path

    @property
    def data(self) -> Path:
        """The engine's own, held by one process."""
        return self.root / "store"

    @property
    def temporary(self) -> Path:
        """What the engine puts aside for moments."""
        return self.root / "tmp"

    @property
    def empty(self) -> Path:
        """The engine's working directory: a table that is named like a file is looked for here."""
        return self.temporary / "empty"

    @property
    def config(self) -> Path:
        """The engine's settings file."""
        return self.temporary / "engine.xml"

    def prepare(self, settings: EmbeddedStoreSettings) -> None:
        """Make the directories, purge what a killed process left in the temporary one, and write the engine's settings.

        Raises ``StoreHeldError`` when the data are open in another process, and touches nothing then.
        """
        self._refuse_held()
        self.data.mkdir(parents=True, exist_ok=True)
        if self.temporary.exists():
            shutil.rmtree(self.temporary)
        for path in (self.temporary, self.empty, self.temporary / "engine", self.temporary / "files"):
            path.mkdir(mode=0o700)
        self.config.touch(mode=0o600)
        self.config.write_text(engine_xml(settings, self.temporary))

    def held(self, reason: str) -> StoreHeldError:
        """When the engine itself finds the data open, it may not say by whom."""
        error = StoreHeldError(self.data, self._holder())
        error.add_note(reason)
        return error

    def _refuse_held(self) -> None:
        try:
            lock = os.open(self.data / "status", os.O_RDWR)
        except FileNotFoundError:
            return
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreHeldError(self.data, self._holder()) from None
        finally:
            os.close(lock)

    def _holder(self) -> int | None:
        with contextlib.suppress(OSError):
            found = _PID.search((self.data / "status").read_text(errors="replace"))
            return int(found[1]) if found else None
        return None


def engine_xml(settings: EmbeddedStoreSettings, temporary: Path) -> str:
    """The engine's settings file. It ignores what it does not know, so a test asks it back for each of these."""
    server = {
        "max_server_memory_usage": settings.memory_bytes_max,
        "mark_cache_size": settings.mark_cache_bytes,
        "background_pool_size": settings.background_threads,
        "background_schedule_pool_size": 8,
        "background_common_pool_size": 2,
        "tmp_path": f"{temporary / 'engine'}/",
        "user_files_path": f"{temporary / 'files'}/",
        "format_schema_path": f"{temporary / 'files'}/",
    }
    fsync = int(settings.fsync)
    merge_tree = {
        "old_parts_lifetime": settings.old_parts_seconds,
        "fsync_after_insert": fsync,
        "fsync_part_directory": fsync,
        "min_rows_to_fsync_after_merge": fsync,
        "min_compressed_bytes_to_fsync_after_merge": fsync,
    }
    lines = [_element(name, value) for name, value in server.items()]
    tables = "".join(_element(name, value) for name, value in merge_tree.items())
    return f"<clickhouse>{''.join(lines)}<merge_tree>{tables}</merge_tree></clickhouse>\n"


def _element(name: str, value: object) -> str:
    return f"<{name}>{escape(str(value))}</{name}>"
