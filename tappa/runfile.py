"""``run.json``: what ``tappa up`` runs just now, and where."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One supervised process."""

    host: str
    port: int
    pid: int | None = None
    """None while it is not running."""
    state: str
    """``starting``, ``ready``, ``waiting`` (for its next start) or ``stopped``."""
    restarts: int = 0

    @property
    def url(self) -> str:
        """Its address for a client on this machine."""
        return url(self.host, self.port)


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One run of ``tappa up``."""

    pid: int
    started_at: int
    """Milliseconds since 1970 UTC."""
    ready: bool
    """True once every part has been ready and what was asked to be loaded is loaded."""
    parts: dict[str, Part]
    """By name: ``store``, ``ingest``, ``worker``, and ``worker-2`` and so on where there are several."""


def reachable(host: str) -> str:
    """The host to connect to for one that is listened on: every address is also this machine's own."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104  (read, not bound)


def url(host: str, port: int) -> str:
    """The address for a client on this machine of what listens on ``host``."""
    name = reachable(host)
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def write(path: Path, run: Run) -> None:
    """Replace the file as a whole: a reader sees the old or the new one."""
    new = path.with_suffix(".new")
    new.write_bytes(msgspec.json.format(msgspec.json.encode(run), indent=2) + b"\n")
    os.replace(new, path)


def read(path: Path) -> Run | None:
    """What was written last; None when there is nothing, or nothing that makes sense."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Run)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
