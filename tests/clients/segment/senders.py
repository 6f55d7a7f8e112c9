"""Segment's own clients for servers, unchanged and pinned: each sends the same, as processes of their languages."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from tests.installing import install

HERE: Final = Path(__file__).resolve().parent
RUN_S_MAX: Final = 180


@dataclass(frozen=True, kw_only=True)
class Run:
    """One client object: the documented calls for a user ``who``, a second apart from ``at`` (milliseconds) on, and
    then so many ``tracks``."""

    who: str
    mode: Any
    at: int
    tracks: int


@dataclass(frozen=True, kw_only=True)
class Sender:
    """One of the clients."""

    command: Callable[[str, str, Sequence[Run]], list[str]]
    """That sends to an address with a write key; it may install first."""
    folder: Path
    modes: Mapping[str, Any]
    """Its ways to send, by name."""
    library: str
    """What it calls itself."""

    def send(self, url: str, key: str, runs: Sequence[Run], at_half: Callable[[], None] | None = None) -> list[str]:
        """What it says that it could not deliver. ``at_half`` is called when half of a run's tracks are delivered."""
        with subprocess.Popen(
            self.command(url, key, runs), cwd=self.folder, stdout=subprocess.PIPE, text=True
        ) as process:
            try:
                assert process.stdout is not None
                told = list(_lines(process.stdout, at_half))
                assert process.wait(RUN_S_MAX) == 0
            finally:
                process.kill()
        return told


def _lines(output: IO[str], at_half: Callable[[], None] | None) -> list[str]:
    """The lines after the last ``half``, without those that say that nothing failed."""
    found = []
    for line in output:
        if line.strip() == "half":
            if at_half is not None:
                at_half()
        elif line.strip() not in ("", "[]"):
            found.append(line.strip())
    return found


def _asked(url: str, key: str, runs: Sequence[Run]) -> str:
    return json.dumps({"url": url, "key": key, "runs": [vars(one) for one in runs]})


def _node(url: str, key: str, runs: Sequence[Run]) -> list[str]:
    install(
        ["npm", "ci", "--no-audit", "--no-fund", "--silent"],
        HERE / "node",
        "package-lock.json",
        "node_modules/.package-lock.json",
    )
    return ["node", "send.mjs", _asked(url, key, runs)]


def _python(url: str, key: str, runs: Sequence[Run]) -> list[str]:
    folder = HERE / "python"
    python = "target/bin/python"
    install(
        ["sh", "-c", f"{sys.executable} -m venv target && {python} -m pip install --quiet --require-hashes "
         "--only-binary :all: --disable-pip-version-check -r requirements.txt"],
        folder, "requirements.txt", "target/.installed",
    )  # fmt: skip
    return [python, "send.py", _asked(url, key, runs)]


def _java(url: str, key: str, runs: Sequence[Run]) -> list[str]:
    folder = HERE / "java"
    install(["mvn", "-q", "-B", "dependency:copy-dependencies"], folder, "pom.xml", "target/lib/.installed")
    told = [str(value) for one in runs for value in (one.who, one.mode, one.at, one.tracks)]
    return ["java", "-cp", "target/lib/*", "Send.java", url, key, *told]


SENDERS: Final[Mapping[str, Sender]] = {
    "node": Sender(
        command=_node,
        folder=HERE / "node",
        library="@segment/analytics-node",
        modes={
            "default": {},
            "one_by_one": {"flushAt": 1},
            "small_batches": {"flushAt": 7, "flushInterval": 50},
            "other_path": {"path": "/v1/import"},
        },
    ),
    "python": Sender(
        command=_python,
        folder=HERE / "python",
        library="analytics-python",
        modes={
            "default": {},
            "gzip": {"gzip": True},
            "sync": {"sync_mode": True},
            "sync_gzip": {"sync_mode": True, "gzip": True},
            "small_batches": {"upload_size": 7, "max_queue_size": 500, "upload_interval": 0.05},
        },
    ),
    "java": Sender(
        command=_java,
        folder=HERE / "java",
        library="analytics-java",
        modes={mode: mode for mode in ("default", "upload_url", "one_by_one", "small_queue", "gzip")},
    ),
}
