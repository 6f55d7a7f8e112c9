from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from tappa.ports import Port, PortTakenError, open_port


def opened(number: int, *, exact: bool) -> Port:
    return open_port("127.0.0.1", number, exact=exact, option="--port")


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_a_port_is_listened_on_from_the_beginning() -> None:
    port = opened(0, exact=True)
    with socket.create_connection(("127.0.0.1", port.number)):
        port.close()


def test_a_port_is_given_to_one_only() -> None:
    port = opened(0, exact=True)
    with pytest.raises(PortTakenError):
        opened(port.number, exact=True)
    port.close()


def test_a_closed_port_is_free_at_once_though_connections_linger() -> None:
    port = opened(0, exact=True)
    with socket.create_connection(("127.0.0.1", port.number)):
        accepted, _ = port.listener.accept()
        accepted.close()
        port.close()
        opened(port.number, exact=True).close()


def test_a_taken_default_becomes_another_one(taken: int) -> None:
    port = opened(taken, exact=False)
    assert port.number != taken
    port.close()


def test_a_taken_port_that_was_asked_for_is_refused_with_what_to_do(taken: int) -> None:
    with pytest.raises(PortTakenError, match=rf"port {taken} of 127\.0\.0\.1 is taken; choose another with --port"):
        opened(taken, exact=True)


def test_an_address_that_is_not_ours_is_refused() -> None:
    with pytest.raises(PortTakenError, match=r"cannot listen on 192\.0\.2\.1"):
        open_port("192.0.2.1", 0, exact=True, option="--port")
