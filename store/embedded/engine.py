"""The one place that knows chdb: opens the data, and runs single statements on handles.

Nothing here is asynchronous: every call may block and is made from a thread of its own. A handle is used by one thread
at a time. After any error a handle may still hold rows of the failed statement and give them to the next: it must be
thrown away, or drained.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from store.embedded.catalogue import Catalogue, Function, catalogue
from store.embedded.client_settings import assignments
from store.embedded.directory import Directory
from store.embedded.policy import Effect
from store.embedded.refusal import SYNTAX_ERROR, EngineError, RefusedError
from store.settings import EmbeddedStoreSettings

_PIECE_BYTES: Final = 1 << 20
_EXPLAIN: Final = "EXPLAIN AST "
_DRAINS_MAX: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What a statement read, wrote and gave."""

    read_rows: int = 0
    read_bytes: int = 0
    written_rows: int = 0
    written_bytes: int = 0
    result_rows: int = 0
    elapsed_s: float = 0.0


class Engine:
    """The open data of this process. There can be one in a process, and none in a process that was forked."""

    def __init__(self, directory: Directory, settings: EmbeddedStoreSettings, home: str) -> None:
        """Open the data, or make them, with the database ``home``.

        Raises ``StoreHeldError`` when another process has them open.
        """
        directory.prepare(settings)
        os.environ["TZ"] = "UTC"
        # the engine passes every insert through a file of TMPDIR, and takes a table's name for a path in here
        os.environ["TMPDIR"] = str(directory.temporary)
        os.chdir(directory.empty)
        self._connect = _chdb().connect
        self._address = f"{directory.data}?config-file={directory.config}"
        try:
            self._root = self.handle()
        except EngineError as error:
            if error.code in (1002, 76):
                raise directory.held(str(error)) from None
            raise
        self._root.run(f"CREATE DATABASE IF NOT EXISTS `{home}`")
        self.version = self._root.value("SELECT version()")
        self.timezone = self._root.value("SELECT timezone()")
        self.databases: frozenset[str] = frozenset()
        self.read_databases()
        self.catalogue = self._read_catalogue()

    def handle(self) -> Handle:
        """A fresh one: nothing of any other statement is on it."""
        try:
            return Handle(self._connect(self._address))
        except RuntimeError as error:
            raise EngineError(str(error)) from None

    def read_databases(self) -> None:
        """Look again which databases there are."""
        with contextlib.closing(self.handle()) as handle:
            self.databases = frozenset(handle.column("SELECT name FROM system.databases"))

    def kill(self, tag: str | None = None) -> None:
        """Cancel the statements with this ``log_comment``, or all."""
        which = "1" if tag is None else f"Settings['log_comment'] = '{tag}'"
        with contextlib.closing(self.handle()) as handle:
            handle.run(f"KILL QUERY WHERE {which} ASYNC")

    def close(self) -> None:
        """No statement may be running."""
        with contextlib.suppress(EngineError):
            self._root.run("SYSTEM STOP MERGES")
        self._root.close()

    def _read_catalogue(self) -> Catalogue:
        rows = self._root.rows(
            "SELECT name, alias_to, categories, toString(is_aggregate), toString(origin != 'System') "
            "FROM system.functions"
        )
        return catalogue(
            [
                Function(name=name, alias_to=alias_to, category=category, is_aggregate=one == "1", is_ours=ours == "1")
                for name, alias_to, category, one, ours in rows
            ],
            self._root.column("SELECT name FROM system.table_functions"),
            self._root.column("SELECT name FROM system.table_engines"),
            self._root.column("SELECT name FROM system.database_engines"),
        )


class Handle:
    """One connection to the engine, for one statement, or for a session's one after the other."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.spoiled = False
        """After an error, or an answer that was not read to its end."""

    def set(self, settings: Mapping[str, str]) -> None:
        """From now on, for all statements on this handle."""
        if settings:
            self.run(assignments(settings))

    def use(self, database: str) -> None:
        """Look names up in this database."""
        quoted = database.replace("\\", "\\\\").replace("`", "\\`")
        self.run(f"USE `{quoted}`")

    def classify(self, sql: str) -> tuple[Effect, int, bool]:
        """What a text does, how many statements it is, and whether it makes or drops databases."""
        found = self._connection.classify_query(sql)
        return Effect(int(found["query_class"].value)), found["statement_count"], found["changes_database_lifecycle"]

    def tree(self, sql: str, parameters: Mapping[str, str]) -> str:
        """The syntax tree of a single statement, its parameters put in. Only for what ``classify`` called single."""
        try:
            return self._text(_EXPLAIN + sql, parameters)
        except EngineError as error:
            raise EngineError(_without_prefix(str(error))) from None

    def run(self, sql: str, form: str = "TSVRaw", parameters: Mapping[str, str] | None = None) -> Result:
        """Run a statement and hold its answer."""
        try:
            result = self._connection.query(sql, form, params=dict(parameters or {}))
        except RuntimeError as error:
            self.spoiled = True
            raise EngineError(str(error)) from None
        if result.has_error():
            self.spoiled = True
            raise EngineError(result.error_message())
        return Result(result)

    def stream(self, sql: str, form: str, parameters: Mapping[str, str]) -> Generator[tuple[bytes, Counts], None, None]:
        """Run a SELECT and give its answer chunk by chunk, each a document of its own, the last perhaps without rows.

        Closing the generator cancels the statement.
        """
        self.spoiled = True
        connection = self._connection
        try:
            stream = connection.send_query(sql, form, params=dict(parameters))
        except RuntimeError as error:
            raise EngineError(str(error)) from None
        ended = False
        try:
            while not ended:
                chunk = connection.streaming_fetch_result(stream)
                if chunk.has_error():
                    raise EngineError(chunk.error_message())
                ended = chunk.rows_read() == 0
                yield chunk.bytes(), _counts(chunk)
            self.spoiled = False
        except RuntimeError as error:
            ended = True
            raise EngineError(str(error)) from None
        finally:
            if not ended:
                with contextlib.suppress(RuntimeError):
                    connection.streaming_cancel_query(stream)

    def insert(self, head: str, form: str) -> Insert:
        """Begin an insert whose data follow."""
        self.spoiled = True
        try:
            begun = self._connection.send_insert(head, form)
        except RuntimeError as error:
            raise EngineError(str(error)) from None
        if begun.has_error():
            raise EngineError(begun.error_message())
        return Insert(self, self._connection, begun)

    def value(self, sql: str) -> str:
        """The answer of a statement that gives one row of one column."""
        return self._text(sql).removesuffix("\n")

    def column(self, sql: str) -> list[str]:
        """That of one with one column; names only, which need no escaping."""
        return self._text(sql).splitlines()

    def rows(self, sql: str) -> list[list[str]]:
        """That of one with several."""
        return [line.split("\t") for line in self._text(sql).splitlines()]

    def drain(self) -> bool:
        """Take what a failed statement left here; whether the handle is clean now."""
        for _ in range(_DRAINS_MAX):
            try:
                if self.value("SELECT 1") == "1":
                    self.spoiled = False
                    return True
            except EngineError:
                continue
        return False

    def close(self) -> None:
        """Forget all that is set on it, and its temporary tables."""
        with contextlib.suppress(RuntimeError):
            self._connection.close()

    def _text(self, sql: str, parameters: Mapping[str, str] | None = None) -> str:
        return b"".join(self.run(sql, "TSVRaw", parameters).pieces()).decode("utf-8", "replace")


class Result:
    """A whole answer, held by the engine."""

    def __init__(self, result: Any) -> None:
        self._result = result
        self.counts = _counts(result)

    def pieces(self) -> Generator[bytes, None, None]:
        """The answer, in pieces."""
        size = self._result.size()
        if size == 0:
            return
        whole = self._result.get_memview()
        for start in range(0, size, _PIECE_BYTES):
            yield whole.view()[start : start + _PIECE_BYTES].tobytes()


class Insert:
    """An insert that was begun: append data, then ``done`` or ``cancel``."""

    def __init__(self, handle: Handle, connection: Any, begun: Any) -> None:
        self._handle = handle
        self._connection = connection
        self._begun = begun

    def append(self, data: bytes) -> None:
        """More of the data, cut anywhere."""
        if not data:
            return
        try:
            self._connection.insert_append(self._begun, data)
        except RuntimeError as error:
            raise EngineError(str(error)) from None

    def done(self) -> Counts:
        """On return the rows are in the table, and on disk if the settings say so."""
        try:
            result = self._connection.insert_done(self._begun)
        except RuntimeError as error:
            raise EngineError(str(error)) from None
        if result.has_error():
            raise EngineError(result.error_message())
        self._handle.spoiled = False
        return _counts(result)

    def cancel(self) -> None:
        """Nothing of the data so far is inserted."""
        with contextlib.suppress(RuntimeError):
            self._connection.insert_cancel(self._begun)


def single(effect_and_count: tuple[Effect, int, bool]) -> tuple[Effect, bool]:
    """Of what ``Handle.classify`` says. Raises ``RefusedError`` for several statements."""
    effect, count, databases_change = effect_and_count
    if count > 1:
        raise RefusedError(SYNTAX_ERROR, "Syntax error (Multi-statements are not allowed): send one at a time")
    return effect, databases_change


def _counts(result: Any) -> Counts:
    return Counts(
        read_rows=result.storage_rows_read(),
        read_bytes=result.storage_bytes_read(),
        written_rows=result.rows_written(),
        written_bytes=result.bytes_written(),
        result_rows=result.rows_read(),
        elapsed_s=result.elapsed(),
    )


def _without_prefix(message: str) -> str:
    """A syntax error says where: the text that was put before the statement does not count."""
    moved = re.sub(r"(failed at position )(\d+)", lambda m: f"{m[1]}{int(m[2]) - len(_EXPLAIN)}", message)
    return re.sub(r"(\(line 1, col )(\d+)", lambda m: f"{m[1]}{int(m[2]) - len(_EXPLAIN)}", moved)


def _chdb() -> Any:
    """The extension. Its Python wrapper would load pyarrow and pandas, which nothing here needs: 100 MB."""
    hidden = {name: sys.modules.pop(name, None) for name in ("pyarrow", "pandas")}
    sys.modules |= dict.fromkeys(hidden)  # type: ignore[arg-type]
    try:
        from chdb import _chdb

        extension: Any = _chdb
        # with the engine's own handlers a crash may hang for minutes, holding the data
        extension.set_signal_handlers_enabled(0)
        extension.reset_signal_handlers()
    finally:
        for name, module in hidden.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module
    return extension
