"""Where to send: the running ingest, and the write keys of sources that are made when they are missing."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Final

import urllib3

from ingest.sources import Source
from tappa import runfile
from tappa.imports.delivery import DeliveryError
from tappa.secret import new_secret
from tappa.settings import FILE, read
from tappa.settingsfile import add_source

KNOWN_WITHIN_S: Final = 15.0
"""Ingest looks at the settings file every second; a busy machine may take longer."""
REACHED_WITHIN_S: Final = 3.0
"""Somebody waits for the answer that nothing runs."""
ASKED_EVERY_S: Final = 0.2


def ingest_url(data: Path) -> str:
    """Of the ingest that ``tappa up`` runs on this data directory, or else of the one that the settings name."""
    run = runfile.read(data / "run.json")
    if run is not None and "ingest" in run.parts:
        return run.parts["ingest"].url
    settings = read(data, os.environ)
    return f"http://{runfile.reachable(settings.ingest.host)}:{settings.ingest.port}"


def write_key(data: Path, source: Source) -> str:
    """The newest write key of the source of this name. When there is none of that name, it is written into the
    settings file, with a new key."""
    for known in read(data, os.environ).sources:
        if known.name == source.name and known.write_keys:
            if known.browser and not source.browser:
                raise DeliveryError(
                    f"source {source.name!r} is a browser's, which may not send old touchpoints; name another"
                )
            return known.write_keys[0]
    if not (data / FILE).exists():
        raise DeliveryError(f"there is no {data / FILE}: start `tappa up`, or name its directory with --data")
    key = new_secret()
    add_source(data / FILE, source.model_copy(update={"write_keys": (key,)}))
    return key


def wait_until_known(url: str, keys: list[str]) -> None:
    """Returns once ingest takes these keys. Raises ``DeliveryError`` when it does not."""
    started = time.monotonic()
    with urllib3.PoolManager(timeout=5.0, retries=False) as pool:
        for key in keys:
            while (status := _status(pool, url, key)) != 200:
                waited_s = time.monotonic() - started
                if status is None and waited_s > REACHED_WITHIN_S:
                    raise DeliveryError(f"ingest at {url} cannot be reached; is `tappa up` running?")
                if waited_s > KNOWN_WITHIN_S:
                    raise DeliveryError(f"ingest at {url} does not know the write key: it answers {status}")
                time.sleep(ASKED_EVERY_S)


def _status(pool: urllib3.PoolManager, url: str, key: str) -> int | None:
    try:
        return pool.request("GET", f"{url}/v1/projects/{key}/settings").status
    except urllib3.exceptions.HTTPError:
        return None
