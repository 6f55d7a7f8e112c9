"""The command line: store and forward for a till without internet."""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from threading import Event

from tappa_sdk.errors import SpoolError
from tappa_sdk.forwarding import Forwarding
from tappa_sdk.spool import waiting

DONE, NOT_DONE, WRONG_USAGE = 0, 1, 2

_SPOOL = """\
Reads receipts (JSON objects, one a line), keeps them on disk, and sends them whenever there is internet. Killed or
unplugged at any moment, it loses no receipt that it has read, and none counts twice: start it again.

From standard input it reads to the end, sends for --wait seconds, and exits: 0 when everything is sent, 1 when
something still waits or was refused. From a folder (--from) it takes every *.ndjson and *.json that is
put there, moves it to the folder's `done`, and goes on until it is stopped; write a file under another name first, then
rename it.

What is no receipt, or is refused, goes with the reason into refused.ndjson in the spool's directory."""


def main(arguments: Sequence[str]) -> int:
    """Do what the arguments say; the exit code."""
    options = parser()[""].parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    directory: Path = options.spool
    try:
        if options.what == "status":
            return _status(directory, as_json=options.json)
        if not options.write_key or not options.host:
            print("--write-key and --host are needed, or TAPPA_WRITE_KEY and TAPPA_HOST", file=sys.stderr)
            return WRONG_USAGE
        return _forward(options)
    except (SpoolError, ValueError) as error:
        print(error, file=sys.stderr)
        return NOT_DONE


def parser() -> dict[str, argparse.ArgumentParser]:
    """What reads the arguments: that of all, by ``""``, and each command's."""
    main = argparse.ArgumentParser(prog="python -m tappa_sdk", description="Tappa's SDK for Python.")
    commands = main.add_subparsers(dest="command", required=True)
    spool = commands.add_parser(
        "spool",
        help="store and forward for a till without internet",
        description=_SPOOL,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    spool.add_argument(
        "what",
        nargs="?",
        choices=("run", "status"),
        default="run",
        help="run (default): read and send; status: what waits",
    )
    spool.add_argument("--spool", type=Path, default=Path("tappa-spool"), help="directory (default ./tappa-spool)")
    spool.add_argument("--from", dest="folder", type=Path, help="folder of files; without it standard input")
    spool.add_argument("--once", action="store_true", help="with --from: only what is there now")
    spool.add_argument("--host", default=os.environ.get("TAPPA_HOST", ""), help="address of Tappa, or TAPPA_HOST")
    spool.add_argument(
        "--write-key",
        default=os.environ.get("TAPPA_WRITE_KEY", ""),
        help="better TAPPA_WRITE_KEY, which other users of the machine do not see",
    )
    spool.add_argument("--wait", type=float, default=30.0, metavar="SECONDS", help="to send before exit (default 30)")
    spool.add_argument("--json", action="store_true", help="status as JSON")
    return {"": main, "spool": spool}


def _status(directory: Path, *, as_json: bool) -> int:
    items, size = waiting(directory)
    refused = directory / "refused.ndjson"
    lost = sum(1 for _ in refused.open("rb")) if refused.exists() else 0
    if as_json:
        print(json.dumps({"waiting": items, "bytes": size, "refused": lost}))
    else:
        print(f"{items} wait ({size} bytes), {lost} were refused")
    return NOT_DONE if items else DONE


def _forward(options: argparse.Namespace) -> int:
    stopped = Event()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with Forwarding(options.write_key, options.host, options.spool) as forwarding:
        try:
            if options.folder is None:
                forwarding.take_stream(sys.stdin.fileno())
            elif options.once:
                forwarding.take_folder(options.folder)
            else:
                forwarding.watch(options.folder, stopped)
        except KeyboardInterrupt:
            stopped.set()
        everything = forwarding.finish(0 if stopped.is_set() else options.wait)
    print(forwarding.said(), file=sys.stderr)
    return DONE if everything and not forwarding.refused else NOT_DONE
