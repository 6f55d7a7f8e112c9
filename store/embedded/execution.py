"""From a request to its answer, in blocking steps: may it run, run it, give the answer piece by piece."""

from __future__ import annotations

import contextlib
import re
import threading
from collections import OrderedDict
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Final

from store.embedded import formats
from store.embedded.client_settings import analyst_settings, assignments
from store.embedded.engine import Counts, Engine, Insert, single
from store.embedded.policy import Kind, Parsed, Role, Verdict, judge
from store.embedded.refusal import BAD_ARGUMENTS, READONLY, EngineError, RefusedError
from store.embedded.request import Request
from store.embedded.sessions import Seat, Sessions, read_lasting
from store.embedded.statement import Insert as InsertText
from store.settings import StoreSettings

_REMEMBERED: Final = 512
"""Verdicts that are kept: asking the engine for a syntax tree costs a millisecond."""
_REMEMBERED_CHARACTERS: Final = 8_192
_ASKS_FOR_SETTINGS: Final = re.compile(
    r"SELECT [\w\s,]+ FROM system\.settings(?: LIMIT \d+)?(?:\s+FORMAT Native)?", re.I
)
"""How clickhouse-connect finds out what can be set, before it sends any setting."""
_ENGINE_DEFAULT: Final = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """The first thing that an answer gives: from here on the statement is going well, so far."""

    kind: Kind
    form: str
    counts: Counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A statement of somebody, with the text of its insert told from the data."""

    role: Role
    user: str
    request: Request
    sql: str
    insert: InsertText | None
    tag: str
    """Under which it can be killed."""

    @property
    def text(self) -> str:
        """The statement without its data."""
        return self.sql if self.insert is None else f"{self.insert.head} FORMAT {self.insert.form}"


class Executor:
    """Runs statements for both users. Safe to use from several threads."""

    def __init__(self, engine: Engine, sessions: Sessions, settings: StoreSettings) -> None:
        self._engine = engine
        self._sessions = sessions
        self._settings = settings
        self._verdicts: OrderedDict[tuple[object, ...], Verdict] = OrderedDict()
        self._lock = threading.Lock()

    def answer(self, asked: Asked) -> Generator[Started | bytes, None, None]:
        """Run a statement: ``Started``, then the pieces of its answer. Closing the generator cancels it."""
        with self._seat(asked) as (seat, verdict):
            form = verdict.form or asked.request.default_format
            seam = None if _is_one_document(asked) else formats.seam(form)
            if verdict.kind is Kind.SELECT and seam is not None:
                yield from self._streamed(asked, seat, form, seam)
                return
            result = seat.handle.run(asked.sql, asked.request.default_format, asked.request.parameters)
            yield Started(kind=verdict.kind, form=form, counts=result.counts)
            yield from result.pieces()

    @contextlib.contextmanager
    def insert(self, asked: Asked) -> Generator[Insert, None, None]:
        """Begin an insert whose data follow; leaving with an error cancels it."""
        assert asked.insert is not None
        if asked.request.parameters:
            raise RefusedError(BAD_ARGUMENTS, "Query parameters are not supported in an INSERT with data.")
        with self._seat(asked) as (seat, _):
            insert = seat.handle.insert(asked.insert.head, asked.insert.form)
            try:
                yield insert
            except BaseException:
                insert.cancel()
                raise

    def _streamed(
        self, asked: Asked, seat: Seat, form: str, seam: formats.Seam
    ) -> Generator[Started | bytes, None, None]:
        chunks = seat.handle.stream(asked.sql, asked.request.default_format, asked.request.parameters)
        with contextlib.closing(chunks):
            started = False
            for chunk, counts in chunks:
                if not started:
                    yield Started(kind=Kind.SELECT, form=form, counts=counts)
                    started = True
                if chunk:
                    yield bytes(seam.join(memoryview(chunk)))
            if tail := seam.end():
                yield tail

    @contextlib.contextmanager
    def _seat(self, asked: Asked) -> Generator[tuple[Seat, Verdict], None, None]:
        """A handle on which the statement may run, with everything set for it."""
        with self._sessions.seat(asked.user, asked.request.session if asked.role is Role.WRITER else None) as seat:
            first = self._first_settings(asked, seat)
            database = self._database(asked)
            verdict = self._remembered(asked, database)
            databases_change = False
            if verdict is None:
                seat.handle.set(first)
                verdict, databases_change = self._judged(asked, seat, database)
                settings = self._last_settings(asked, verdict)
            else:
                settings = first | self._last_settings(asked, verdict)
            if asked.request.database or not seat.used:
                seat.handle.use(database)
            seat.used = True
            seat.handle.set(settings)
            try:
                yield seat, verdict
                if verdict.kind is Kind.SESSION:
                    read_lasting(seat, {**first, **asked.request.settings})
            finally:
                if databases_change:
                    self._databases_changed()
                if seat.in_session and not seat.handle.spoiled:
                    _restore(seat, first | settings)

    def _first_settings(self, asked: Asked, seat: Seat) -> dict[str, str]:
        """How the statement is to be read, and the writer's own: nothing that depends on what it says."""
        limits = self._settings.embedded
        settings = {
            "implicit_select": "0",
            "allow_introspection_functions": "0",
            "max_query_size": str(limits.statement_bytes_max),
            "max_memory_usage": str(limits.query_memory_bytes_max),
        }
        settings |= {name: seat.lasting[name] for name in settings if name in seat.lasting}
        if asked.role is Role.WRITER:
            settings.update(asked.request.settings)
        return settings | {"log_comment": asked.tag}

    def _last_settings(self, asked: Asked, verdict: Verdict) -> dict[str, str]:
        """What is set last, because nothing can be changed after it, or because it depends on the statement."""
        limits = self._settings.embedded
        settings: dict[str, str] = {}
        form = verdict.form or asked.request.default_format
        if verdict.kind is Kind.SELECT and (formats.seam(form) is None or _is_one_document(asked)):
            settings |= {"max_result_bytes": str(limits.result_bytes_max), "result_overflow_mode": "throw"}
        if asked.role is Role.ANALYST:
            settings |= analyst_settings(
                asked.request.settings,
                {
                    "max_execution_time": limits.analyst_seconds_max,
                    "max_memory_usage": limits.analyst_memory_bytes_max,
                    "max_threads": limits.analyst_threads_max,
                    "max_temporary_data_on_disk_size_for_query": limits.analyst_temporary_bytes_max,
                },
            )
            # 1 lets nothing be set any more; with 2 the list of settings says what this interface takes with a request
            settings["readonly"] = "2" if _ASKS_FOR_SETTINGS.fullmatch(asked.sql) else "1"
        return settings

    def _database(self, asked: Asked) -> str:
        """The database where names are looked up: an analyst has one."""
        asks = asked.request.database
        home = self._settings.database
        if asked.role is Role.ANALYST:
            if asks not in ("", _ENGINE_DEFAULT, home):
                raise RefusedError((81, "UNKNOWN_DATABASE"), f"Database {asks} does not exist for {asked.user}")
            return home
        if asks:
            return asks
        return home if home in self._engine.databases else _ENGINE_DEFAULT

    def _judged(self, asked: Asked, seat: Seat, database: str) -> tuple[Verdict, bool]:
        """May it run, and does it make or drop databases."""
        sql = asked.text
        if "\0" in sql:
            raise RefusedError(BAD_ARGUMENTS, "The statement holds a NUL byte.")
        effect, databases_change = single(seat.handle.classify(sql))
        tree = seat.handle.tree(sql, asked.request.parameters)
        parsed = Parsed(sql=sql, effect=effect, tree=tree, database=database)
        engine = self._engine
        verdict = judge(parsed, asked.role, asked.user, self._settings.database, engine.catalogue, engine.databases)
        if asked.request.read_only and verdict.kind not in (Kind.SELECT, Kind.SHOW):
            raise RefusedError(
                READONLY, "Cannot execute query in readonly mode. For queries over HTTP, use POST to write."
            )
        if len(sql) <= _REMEMBERED_CHARACTERS and verdict.kind in (Kind.SELECT, Kind.SHOW, Kind.INSERT):
            with self._lock:
                self._verdicts[_key(asked, database)] = verdict
                if len(self._verdicts) > _REMEMBERED:
                    self._verdicts.popitem(last=False)
        return verdict, databases_change

    def _remembered(self, asked: Asked, database: str) -> Verdict | None:
        if len(asked.text) > _REMEMBERED_CHARACTERS:
            return None
        key = _key(asked, database)
        with self._lock:
            if verdict := self._verdicts.get(key):
                self._verdicts.move_to_end(key)
            return verdict

    def _databases_changed(self) -> None:
        self._engine.read_databases()
        with self._lock:
            self._verdicts.clear()


def _key(asked: Asked, database: str) -> tuple[object, ...]:
    """What a verdict depends on. Of the parameters, only those of the type Identifier can change it."""
    names = "identifier" in asked.sql.lower()
    parameters = tuple(sorted(asked.request.parameters.items())) if names else ()
    return asked.role, asked.request.read_only, database, asked.text, parameters


def _restore(seat: Seat, changed: Mapping[str, str]) -> None:
    """A session forgets what a request had set beside its statement."""
    back = {name: seat.lasting[name] for name in changed if name in seat.lasting}
    defaults = [f"`{name}` = DEFAULT" for name in changed if name not in seat.lasting]
    statement = ", ".join([assignments(back).removeprefix("SET "), *defaults] if back else defaults)
    with contextlib.suppress(EngineError):
        seat.handle.run(f"SET {statement}")


def _is_one_document(asked: Asked) -> bool:
    """JSON lines can be asked for as one array, which cannot be joined from several."""
    wrapped = "output_format_json_array_of_rows"
    return wrapped in asked.request.settings or wrapped in asked.sql
