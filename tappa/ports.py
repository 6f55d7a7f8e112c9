"""The sockets that the parts listen on. The supervisor opens them and keeps them, and hands each to its part at every
start: a port is never lost to somebody else, and who connects while a part is started again waits instead of being
turned away."""

from __future__ import annotations

import errno
import socket
from typing import Final

CONNECTIONS_WAITING: Final = 2048
"""Connections that may wait to be accepted: a burst of browsers, or the seconds of a restart."""


class PortTakenError(OSError):
    """The port that was asked for is taken. The message says so and what to do."""


class Port:
    """A port that is listened on until ``close``."""

    def __init__(self, host: str, listener: socket.socket) -> None:
        self.host = host
        self.number: int = listener.getsockname()[1]
        self.listener = listener

    def fileno(self) -> int:
        """Of the socket, for the part's process."""
        return self.listener.fileno()

    def close(self) -> None:
        """Listen no more, once the part has closed its own end; harmless when done before."""
        self.listener.close()


def open_port(host: str, number: int, *, exact: bool, option: str) -> Port:
    """Port ``number`` of ``host``; 0 stands for any free one. When it is taken: ``PortTakenError`` if it has to be
    ``exact``, else a free one."""
    try:
        return Port(host, _listening(host, number))
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise PortTakenError(f"cannot listen on {host}: {error.strerror}") from None
        if exact:
            why = "is taken" if error.errno == errno.EADDRINUSE else "may not be used by this user"
            raise PortTakenError(
                f"port {number} of {host} {why}; choose another with {option} (0 picks a free one)"
            ) from None
    return open_port(host, 0, exact=True, option=option)


def _listening(host: str, number: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, number))
        listener.listen(CONNECTIONS_WAITING)
    except OSError:
        listener.close()
        raise
    return listener
