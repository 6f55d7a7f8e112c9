from __future__ import annotations

import random
import socket
from collections.abc import Iterator

import pytest

from tappa.ports import PICKED_FROM, Port, PortTakenError, keep

CHANCE = random.Random(5)


def kept(number: int, *, exact: bool) -> Port:
    return keep("127.0.0.1", number, exact=exact, option="--port", chance=CHANCE)


def listening(number: int) -> socket.socket:
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("127.0.0.1", number))
    server.listen()
    return server


@pytest.fixture
def taken() -> Iterator[int]:
    with listening(0) as server:
        yield server.getsockname()[1]


def test_a_free_port_is_kept_for_who_is_to_listen_on_it_again_and_again() -> None:
    port = kept(0, exact=True)
    assert port.number in PICKED_FROM
    listening(port.number).close()
    listening(port.number).close()
    port.release()


def test_a_kept_port_is_not_given_to_others() -> None:
    port = kept(0, exact=True)
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", port.number))
    port.release()


def test_a_taken_default_becomes_another_one(taken: int) -> None:
    port = kept(taken, exact=False)
    assert port.number != taken
    port.release()


def test_a_taken_port_that_was_asked_for_is_refused_with_what_to_do(taken: int) -> None:
    with pytest.raises(PortTakenError, match=rf"port {taken} of 127\.0\.0\.1 is taken; choose another with --port"):
        kept(taken, exact=True)


def test_an_address_that_is_not_ours_is_refused() -> None:
    with pytest.raises(PortTakenError, match=r"cannot listen on 192\.0\.2\.1"):
        keep("192.0.2.1", 0, exact=True, option="--port", chance=CHANCE)
