"""What ``deploy/compose.yaml`` starts, started here from the same variables, against a real broker, with the embedded
store in place of ClickHouse."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import httpx
import pytest

from tests.deploy.compose import Process, here, services
from tests.eventually import eventually
from tests.kafka.running_broker import free_ports, running_broker

pytestmark = pytest.mark.slow

PARTS = ("ingest", "worker-1", "worker-2")


@pytest.fixture
def running(tmp_path: Path, backend_ran: Callable[[str], None]) -> Iterator[dict[str, str]]:
    """Addresses by service."""
    composed = services()
    store_port, *ports = free_ports(4)
    addresses = {"clickhouse": f"127.0.0.1:{store_port}"}
    with running_broker() as broker, contextlib.ExitStack() as stopping:
        network = {"kafka:9092": broker.address, "clickhouse": "127.0.0.1", "8123": str(store_port)}
        shared = {name: value for name, value in composed["ingest"]["environment"].items() if "STORE" in name}
        processes = [Process(["store"], here(shared, network), tmp_path / "clickhouse")]
        stopping.callback(processes[0].stop)
        for name, port in zip(PARTS, ports, strict=True):
            own = {"0.0.0.0": "127.0.0.1", "8000": str(port), "8001": str(port)}
            settings = here(composed[name]["environment"], network | own)
            processes.append(Process(composed[name]["command"], settings, tmp_path / name))
            stopping.callback(processes[-1].stop)
            addresses[name] = f"127.0.0.1:{port}"
        yield addresses
        assert [one.said() for one in processes if one.process.poll() is not None] == []
    backend_ran("broker: kafka")


def answers(address: str, path: str) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(f"http://{address}{path}", timeout=5).is_success
    return False


def worked_off(address: str) -> float:
    lines = httpx.get(f"http://{address}/metrics", timeout=5).text.splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("tappa_worker_touchpoints_total "))


def test_a_touchpoint_that_is_sent_becomes_visible_and_both_workers_share_the_work(running: dict[str, str]) -> None:
    eventually(lambda: answers(running["ingest"], "/readyz"))
    eventually(lambda: all(answers(running[worker], "/healthz") for worker in PARTS[1:]))
    numbers = count()

    def send() -> str:
        user = f"u{next(numbers)}"
        said = {"userId": user, "event": "Product Viewed", "messageId": user}
        sent = httpx.post(f"http://{running['ingest']}/v1/track", json=said, auth=("try-me-write-key", ""), timeout=30)
        assert sent.json()["accepted"] == 1
        return f"user:{user}"

    def seen(customer: str) -> bool:
        query = f"SELECT stage FROM tappa.v_customers WHERE customer_id = '{customer}'"
        analyst = ("analyst", "only-on-this-machine")
        asked = httpx.post(f"http://{running['clickhouse']}", content=query, auth=analyst, timeout=30)
        return asked.text.strip() == "discovery"

    first = send()
    eventually(lambda: seen(first))

    def both_work() -> bool:
        send()
        return all(worked_off(running[worker]) > 0 for worker in PARTS[1:])

    eventually(both_work)
    read = httpx.get(f"http://{running['ingest']}/v1/customers/{first}", auth=("try-me-read-key", ""), timeout=30)
    assert read.json()["customer_id"] == first
