"""Sessions: handles that outlive their requests, and what a request may leave on them."""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field

from store.embedded.engine import Engine, Handle
from store.embedded.refusal import (
    INVALID_SESSION_TIMEOUT,
    SESSION_IS_LOCKED,
    SESSION_NOT_FOUND,
    EngineError,
    RefusedError,
)
from store.embedded.request import Session


@dataclass(slots=True)
class Seat:
    """A handle, and what is set on it for good: a fresh one for each request, or a session's."""

    handle: Handle
    lasting: dict[str, str] = field(default_factory=dict)
    """Settings that the session itself made, by SET."""
    in_session: bool = False
    used: bool = False


@dataclass(slots=True)
class _Kept:
    seat: Seat
    expires_at: float
    busy: bool = True


class Sessions:
    """Gives every request a seat. Safe to use from several threads."""

    def __init__(self, engine: Engine, *, sessions_max: int, seconds_max: int, clock: Callable[[], float]) -> None:
        self._engine = engine
        self._sessions_max = sessions_max
        self._seconds_max = seconds_max
        self._clock = clock
        self._kept: OrderedDict[tuple[str, str], _Kept] = OrderedDict()
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def seat(self, user: str, session: Session | None) -> Generator[Seat, None, None]:
        """A seat for one request. A session whose statement failed goes on, if its handle can be cleaned.

        Raises ``RefusedError`` for a session that is busy, or that must exist and does not.
        """
        if session is None:
            seat = Seat(self._engine.handle())
            try:
                yield seat
            finally:
                seat.handle.close()
            return
        if session.timeout_s > self._seconds_max:
            raise RefusedError(
                INVALID_SESSION_TIMEOUT, f"Session timeout {session.timeout_s} is larger than {self._seconds_max}"
            )
        key = (user, session.session_id)
        kept = self._take(key, session)
        try:
            yield kept.seat
        finally:
            self._give_back(key, kept, session)

    def close(self) -> None:
        """Forget them all."""
        with self._lock:
            kept, self._kept = self._kept, OrderedDict()
        for one in kept.values():
            one.seat.handle.close()

    def expire(self) -> None:
        """Forget those whose time is over."""
        now = self._clock()
        with self._lock:
            over = [key for key, kept in self._kept.items() if not kept.busy and kept.expires_at < now]
            gone = [self._kept.pop(key) for key in over]
        for kept in gone:
            kept.seat.handle.close()

    def _take(self, key: tuple[str, str], session: Session) -> _Kept:
        self.expire()
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                if kept.busy:
                    raise RefusedError(
                        SESSION_IS_LOCKED, f"Session {session.session_id} is locked by a concurrent client"
                    )
                kept.busy = True
                return kept
            if session.must_exist:
                raise RefusedError(SESSION_NOT_FOUND, f"Session {session.session_id} not found")
            kept = _Kept(Seat(self._engine.handle(), in_session=True), 0.0)
            self._kept[key] = kept
            idle = [other for other, one in self._kept.items() if not one.busy]
            evicted = self._kept.pop(idle[0]) if len(self._kept) > self._sessions_max and idle else None
        if evicted is not None:
            evicted.seat.handle.close()
        return kept

    def _give_back(self, key: tuple[str, str], kept: _Kept, session: Session) -> None:
        clean = not kept.seat.handle.spoiled or kept.seat.handle.drain()
        with self._lock:
            kept.busy = False
            kept.expires_at = self._clock() + session.timeout_s
            if clean and not session.close and key in self._kept:
                self._kept.move_to_end(key)
                return
            self._kept.pop(key, None)
        kept.seat.handle.close()


def read_lasting(seat: Seat, passing: Mapping[str, str]) -> None:
    """After a SET of the session's own: what is set on it now lasts, but for what came with the request."""
    with contextlib.suppress(EngineError):
        rows = seat.handle.rows("SELECT name, value FROM system.settings WHERE changed")
        seat.lasting = {name: value for name, value in rows if passing.get(name) != value}
