"""Where things are just now: what ``tappa up`` runs on a data directory, else what its settings say."""

from __future__ import annotations

from pathlib import Path

from store.settings import StoreSettings
from tappa import runfile
from tappa.lock import HeldError, holder
from tappa.settings import Settings

RUN_FILE = "run.json"


def current_run(data: Path) -> runfile.Run | None:
    """What runs; None when nothing does, though a run that was killed may have left its file."""
    try:
        held = holder(data / "lock")
    except HeldError:
        held = None
    return runfile.read(data / RUN_FILE) if held is not None else None


def store_settings(data: Path, settings: Settings) -> StoreSettings:
    """The store's settings with the address at which it can be reached now."""
    run = current_run(data)
    part = run.parts.get("store") if run else None
    if part is None:
        return settings.store.model_copy(update={"host": runfile.reachable(settings.store.host)})
    return settings.store.model_copy(update={"host": runfile.reachable(part.host), "port": part.port, "secure": False})
