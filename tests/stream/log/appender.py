"""A process that appends until it is killed.

``python -m tests.stream.log.appender DIRECTORY NAME PARTITIONS`` prints the name of a message once it is acknowledged:
four tasks, each one after the other, a message for each of two partitions.
"""

from __future__ import annotations

import asyncio
import os
import sys
from itertools import count
from pathlib import Path

from stream.log.interface import LogFullError
from stream.log.sqlite import SqliteLog
from stream.settings import LogSettings
from tests.stream.log.messages import message

TASKS = 4


async def append_for_ever(log: SqliteLog, name: str, task: int) -> None:
    for turn in count():
        one, other = (task + turn) % log.partitions, (task + turn + 1) % log.partitions
        sent = f"{name}.{task}.{turn}"
        try:
            await log.append({one: [message(f"{sent}.a", 200)], other: [message(f"{sent}.b", 200)]})
        except LogFullError:
            await asyncio.sleep(0.01)
            continue
        os.write(1, f"{sent}.a\n{sent}.b\n".encode())


async def main(directory: str, name: str, partitions: str) -> None:
    settings = LogSettings(partitions=int(partitions), disk_reserve_bytes=0)
    async with await SqliteLog.open(Path(directory), settings) as log:
        await asyncio.gather(*(append_for_ever(log, name, task) for task in range(TASKS)))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
