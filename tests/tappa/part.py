"""A part for the tests of the supervisor: a process that behaves like the real ones, and misbehaves when told to.

``python -m tests.tappa.part NAME DATA --listen FD``. The file ``DATA/NAME.mode`` says how: ``refuse`` (will not start),
``crash`` (ends at once), ``stubborn`` (does not stop), ``warn`` (says something), ``meet OTHER`` (is well only once
the part OTHER has been started, too, and stops only once OTHER was told to stop, too).
"""

from __future__ import annotations

import logging
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tappa.cli.parts import inherited
from tappa.parts import prepare, refuse


class Well(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        return


def meet(data: Path, name: str, other: str, where: str) -> None:
    (data / f"{name}.{where}").touch()
    while not (data / f"{other}.{where}").exists():
        time.sleep(0.02)


def main() -> None:
    name, data, listener = sys.argv[1], Path(sys.argv[2]), inherited(int(sys.argv[4]))
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    prepare(name, data, supervised=True)
    how = data / f"{name}.mode"
    mode, _, other = how.read_text().partition(" ") if how.exists() else ("", "", "")
    if mode == "refuse":
        refuse("the data is newer than this program: upgrade")
    if mode == "crash":
        sys.exit(3)
    if mode == "warn":
        logging.getLogger("part").warning("something to know")
        logging.getLogger("part").info("nothing to know")
    if mode == "meet":
        meet(data, name, other, "started")
    server = ThreadingHTTPServer(("", 0), Well, bind_and_activate=False)
    server.socket.close()
    server.socket = listener
    threading.Thread(target=server.serve_forever, daemon=True).start()
    stop.wait()
    if mode == "stubborn":
        threading.Event().wait()
    if mode == "meet":
        meet(data, name, other, "stopping")
    with (data / "stopped").open("a") as stopped:
        stopped.write(name + "\n")


main()
