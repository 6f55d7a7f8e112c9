"""Several workers beside each other: their names, their shares, and that all were started as so many.

Worker K of N owns every N-th partition (``stream.worker.Share``). Two that run with another N each would both own some
partition, so each says its N in its lock, and a second N is refused for as long as a worker of the first one runs."""

from __future__ import annotations

import re
import socket
import time
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tappa.lock import HeldError, Holder, holder, part_locks

if TYPE_CHECKING:
    from stream.ownership import Share

WORKER: Final = "worker"
LOOK_INTERVAL_S: Final = 0.1
"""Between two looks at the others while they may still be stopping."""

_SHARE: Final = re.compile(r"([1-9]\d{0,5})/([1-9]\d{0,5})")


class CountsDifferError(RuntimeError):
    """A worker runs here that is one of another number of workers."""

    def __init__(self, other: Holder, count: int) -> None:
        super().__init__(
            f"process {other.pid} ({other.command}) is one of {other.workers}, this would be one of {count}: "
            "all workers on a data directory are started with the same number"
        )


def worker_name(number: int) -> str:
    """What worker ``number``, counted from 1, is called: the first as the only one."""
    return WORKER if number == 1 else f"{WORKER}-{number}"


def member_name(data: Path, part: str) -> str:
    """What a worker of ``tappa up`` is called in a group on Kafka: the same after a restart, and another one on any
    other machine or data directory."""
    where = f"{socket.gethostname()}:{data.absolute()}"
    return f"up-{blake2b(where.encode(), digest_size=6).hexdigest()}-{part}"


def part_kind(name: str) -> str:
    """What a part is, whichever of several: ``worker`` for ``worker-2``."""
    return name.partition("-")[0]


def parse_share(text: str) -> Share:
    """The share that ``K/N`` stands for. Raises ``ValueError``."""
    from stream.ownership import Share

    found = _SHARE.fullmatch(text)
    number, count = map(int, found.groups()) if found else (0, 0)
    if not 1 <= number <= count:
        raise ValueError(f"{text!r} is not K/N with K from 1 to N, such as 2/3 for the second of three workers")
    return Share(number - 1, count)


def surplus(count: int, partitions: int) -> str | None:
    """Why so many workers are too many; None when they are not."""
    if count <= partitions:
        return None
    return (
        f"{count} workers are too many: the log has {partitions} partitions ([log] partitions), so that some would own "
        f"none; start {partitions} at most"
    )


def require_same_count(data: Path, name: str, count: int, *, wait_s: float) -> None:
    """Return once no worker but ``name`` runs on ``data`` that is one of another number; raise ``CountsDifferError``
    when one still does after ``wait_s``, and ``HeldError`` when one has not said by then. Called by who holds the lock
    of ``name``: of two that start at the same time at least one sees the other."""
    deadline = time.monotonic() + wait_s
    while (trouble := _trouble(data, name, count)) is not None:
        if time.monotonic() >= deadline:
            raise trouble
        time.sleep(LOOK_INTERVAL_S)


def _trouble(data: Path, name: str, count: int) -> CountsDifferError | HeldError | None:
    for other, path in part_locks(data).items():
        if part_kind(other) == WORKER and other != name:
            try:
                held = holder(path)
            except HeldError as error:
                return error
            if held is not None and held.workers not in (0, count):
                return CountsDifferError(held, count)
    return None
