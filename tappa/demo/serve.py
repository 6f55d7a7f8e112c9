"""``tappa demo web``: the shop's site beside a running ingest."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import Final

import click
import uvicorn

from tappa.demo.web import PAGE, SERVER, TILL, Journeys, create_shop
from tappa.imports.delivery import DeliveryError
from tappa.imports.target import ingest_url, wait_until_known, write_key
from tappa.settings import read

PAGES: Final = Path(__file__).parents[2] / "samples" / "shop"
"""Of the repository; an installed package does without them."""


def serve(data: Path, host: str, port: int, pages: Path | None) -> None:
    """Serves the shop until told to stop; sources that are missing are made. Raises ``DeliveryError``, ``OSError``."""
    folder = pages or PAGES
    if not folder.exists():
        raise DeliveryError(f"there are no pages in {folder}: name the repository's samples/shop with --pages")
    read_keys = read(data, os.environ).explore.read_keys
    if not read_keys:
        raise DeliveryError("the shop needs a read key: tappa readers add")
    url = ingest_url(data)
    page_key, server_key, till_key = (write_key(data, source) for source in (PAGE, SERVER, TILL))
    wait_until_known(url, [page_key, server_key, till_key])
    journeys = Journeys(url, read_key=read_keys[0], server_key=server_key, till_key=till_key)
    app = create_shop(folder, journeys, ingest=url, write_key=page_key)
    with socket.create_server((host, port)) as listener:
        click.echo(f"the shop is at http://{host}:{listener.getsockname()[1]}/ (Ctrl-C stops it)")
        sys.stdout.flush()
        config = uvicorn.Config(app, log_config=None, access_log=False, server_header=False, ws="none")
        uvicorn.Server(config).run([listener])
