"""A Kafka broker for tests: the real one, from pinned Maven artifacts, on a free port, with a directory of its own."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.installing import install, run

HERE: Final = Path(__file__).resolve().parent
LIBRARIES: Final = HERE / "target" / "lib"
CLUSTER_ID: Final = "MkU3OEVBNTcwNTJENDM2Qg"
JAVA: Final = ("java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")
"""Quick to start and light."""
JAVA_FOR_SPEED: Final = ("java", "-Xmx1g", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")
"""What is measured is measured on this."""

START_S_MAX = 60.0
STOP_S_MAX = 20.0

PROPERTIES = """\
process.roles=broker,controller
node.id={node}
controller.quorum.voters={voters}
controller.listener.names=CONTROLLER
listeners={listeners},CONTROLLER://127.0.0.1:{controller}
advertised.listeners={listeners}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs={data}/log
offsets.topic.replication.factor={copies}
offsets.topic.num.partitions=4
transaction.state.log.replication.factor={copies}
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
auto.create.topics.enable=false
log.cleaner.dedupe.buffer.size=4194304
message.max.bytes=2097152
broker.session.timeout.ms=1500
broker.heartbeat.interval.ms=300
log.initial.task.delay.ms=86400000
"""
"""The last line keeps retention away from records that a test's clock dates to 1970."""
SECURE_PROPERTIES = """\
listener.name.sasl_ssl.sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
ssl.keystore.type=PEM
ssl.keystore.location={data}/broker.pem
"""
USER: Final = "gardener"
PASSWORD: Final = "a-secret-of-the-garden"


class Quorum:
    """The controllers of a cluster: one in each broker."""

    def __init__(self, brokers: int = 1) -> None:
        self.ports = free_ports(brokers)

    @property
    def voters(self) -> str:
        """As the brokers want to know them."""
        return ",".join(f"{node}@127.0.0.1:{port}" for node, port in enumerate(self.ports, 1))


class RunningBroker:
    """A broker over ``data``, the ``node``-th of its quorum. Starts when entered, stops with SIGTERM when left; dies
    with whoever started it."""

    def __init__(
        self,
        data: Path,
        java: Sequence[str] = (*JAVA, "-Xmx512m"),
        *,
        node: int = 1,
        quorum: Quorum | None = None,
    ) -> None:
        self.data = data
        self._java = java
        self._port, self._secure_port = free_ports(2)
        self._node = node
        self._quorum = quorum or Quorum()
        self.process: subprocess.Popen[bytes] | None = None
        self._watchdog: subprocess.Popen[bytes] | None = None
        """Kills the broker when whoever started it has gone, however that came."""

    @property
    def address(self) -> str:
        """Where anybody may connect."""
        return f"127.0.0.1:{self._port}"

    @property
    def secure(self) -> str:
        """Where only ``USER`` may, over TLS."""
        return f"localhost:{self._secure_port}"

    @property
    def certificate(self) -> Path:
        """Of the secure address."""
        return self.data / "certificate.pem"

    def start(self) -> None:
        """Returns when it can be connected to. Raises ``RuntimeError`` with what it wrote when it does not start."""
        self.launch()
        self.wait()

    def launch(self) -> None:
        """Returns at once."""
        properties = self.data / "server.properties"
        if not properties.exists():
            self._format(properties)
        with (self.data / "broker.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*self._java, "-cp", f"{LIBRARIES}/*", "kafka.Kafka", str(properties)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._watchdog = subprocess.Popen(
            ["sh", "-c", 'cat > /dev/null; kill -9 "$0"', str(self.process.pid)], stdin=subprocess.PIPE
        )

    def wait(self) -> None:
        """Returns when it can be connected to, as ``start``."""
        assert self.process is not None
        deadline = time.monotonic() + START_S_MAX
        while not _answers(self._port):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"the broker did not start:\n{self.log()[-3000:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Ask it to stop, and wait."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(STOP_S_MAX)
        self._forget()

    def kill(self) -> None:
        """Kill it as a crash would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self._forget()

    def log(self) -> str:
        """What it wrote to its log so far."""
        return (self.data / "broker.log").read_text(errors="replace")

    def _format(self, properties: Path) -> None:
        install(["mvn", "-q", "-B", "-ntp", "dependency:copy-dependencies"], HERE, "pom.xml", "target/lib/.installed")
        self.data.mkdir(parents=True, exist_ok=True)
        listeners = f"PLAINTEXT://{self.address},SASL_SSL://{self.secure}"
        text = PROPERTIES.format(
            node=self._node,
            voters=self._quorum.voters,
            controller=self._quorum.ports[self._node - 1],
            copies=len(self._quorum.ports),
            listeners=listeners,
            data=self.data,
        )
        properties.write_text(text + SECURE_PROPERTIES.format(data=self.data))
        subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
        key = ["-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem"]
        run(["openssl", "req", "-x509", "-days", "2", *key, "-out", str(self.certificate), *subject], self.data, 60)
        (self.data / "broker.pem").write_text((self.data / "key.pem").read_text() + self.certificate.read_text())
        storage = [*JAVA, "-cp", f"{LIBRARIES}/*", "kafka.tools.StorageTool", "format", "-t", CLUSTER_ID]
        user = f"SCRAM-SHA-512=[name={USER},password={PASSWORD}]"
        run([*storage, "-c", str(properties), "--add-scram", user], self.data, START_S_MAX)

    def _forget(self) -> None:
        assert self._watchdog is not None
        self._watchdog.kill()
        self._watchdog.communicate()
        self.process = self._watchdog = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.process is not None:
            try:
                self.stop()
            except subprocess.TimeoutExpired:
                self.kill()


@contextlib.contextmanager
def running_broker() -> Iterator[RunningBroker]:
    """A broker that lives as long as this context, in a temporary directory."""
    with tempfile.TemporaryDirectory(prefix="tappa-kafka-") as data, RunningBroker(Path(data)) as broker:
        yield broker


@contextlib.contextmanager
def running_brokers(directory: Path, count: int) -> Iterator[list[RunningBroker]]:
    """A cluster of so many, below a directory; whoever of them runs in the end is killed."""
    quorum = Quorum(count)
    java = (*JAVA, "-Xmx400m")
    brokers = [
        RunningBroker(directory / f"broker-{node}", java, node=node, quorum=quorum) for node in range(1, count + 1)
    ]
    try:
        for broker in brokers:
            broker.launch()
        for broker in brokers:
            broker.wait()
        yield brokers
    finally:
        for broker in brokers:
            broker.kill()


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, all different."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
