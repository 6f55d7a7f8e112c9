"""Which port a part listens on."""

from __future__ import annotations

import errno
import random
import socket
import sys

PICKED_FROM = range(20_000, 32_000)
"""Free ports are picked here: below those that systems give to outgoing connections, so that a client which tries to
reach a part that is just being restarted cannot end up connected to itself."""


class PortTakenError(OSError):
    """The port that was asked for is taken. The message says so and what to do."""


class Port:
    """A port kept for a part while it starts, runs and is started again: bound but not listened on, so that nothing
    else is given it meanwhile."""

    def __init__(self, host: str, number: int, kept: socket.socket) -> None:
        self.host = host
        self.number = number
        self._kept = kept

    def release(self) -> None:
        """Keep it no longer."""
        self._kept.close()


def keep(host: str, number: int, *, exact: bool, option: str, chance: random.Random) -> Port:
    """Port ``number`` of ``host``; 0 stands for any free one. When it is taken: ``PortTakenError`` if it has to be
    ``exact``, else a free one."""
    if number:
        try:
            return Port(host, number, _bound(host, number))
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise PortTakenError(f"cannot listen on {host}:{number}: {error.strerror}") from None
            if exact:
                why = "is taken" if error.errno == errno.EADDRINUSE else "may not be used by this user"
                raise PortTakenError(
                    f"port {number} of {host} {why}; choose another with {option} (0 picks a free one)"
                ) from None
    for candidate in chance.sample(PICKED_FROM, 200):
        try:
            return Port(host, candidate, _bound(host, candidate))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise PortTakenError(f"cannot listen on {host}: {error.strerror}") from None
    raise PortTakenError(f"no free port found on {host}; choose one with {option}")


def _bound(host: str, number: int) -> socket.socket:
    """A socket bound to it. That nobody listens is tried with a second one, which is closed again."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        tried.bind((host, number))
        tried.listen(1)
    kept = socket.socket(family, socket.SOCK_STREAM)
    if sys.platform != "linux":
        return kept  # elsewhere a second bind would be refused: the port is only known to have been free
    try:
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        kept.bind((host, number))
    except OSError:
        kept.close()
        raise
    return kept
