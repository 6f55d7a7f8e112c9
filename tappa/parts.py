"""The three parts as processes: what each does from its start to its end. Used by ``tappa up`` (as children) and on
their own."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import resource
import signal
import socket
import sys
import threading
import time
from functools import partial
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn, TypeVar

from tappa.exits import EXIT_NOT_DONE, EXIT_REFUSED
from tappa.lock import HeldError, Lock, part_lock
from tappa.workers import CountsDifferError, part_kind, require_same_count

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence

    from stage_engine.identity.limits import Limits
    from stage_engine.model import Model
    from store.interface import Store
    from stream.log.interface import Log, Read
    from stream.log.kafka.changes import ChangesTopic
    from stream.log.kafka.log import KafkaLog
    from stream.log.sqlite import SqliteLog
    from stream.ownership import Ownership, Share
    from stream.service import Service
    from tappa.settings import Settings

logger = logging.getLogger("tappa")
T = TypeVar("T")

DRAIN_S: Final = 4.0
"""Time for what is under way when a part is told to stop; all of them together have 10 s (DESIGN: ``tappa up``)."""
ORPHAN_S: Final = 9.0
"""A part whose supervisor is gone ends after this time, even if it hangs."""
NICENESS: Final = 15
"""Of store and worker beside ingest: senders wait for its answer, and the log keeps what the others have yet to do."""
LOCK_WAIT_S: Final = 15.0
"""How long a supervised part waits for its predecessor to be gone."""
LOCK_WAIT_ALONE_S: Final = 0.5
"""The same for one on its own: somebody who only looks at a lock has it for an instant."""
GARBAGE_THRESHOLDS: Final = {"ingest": 50_000, "store": 50_000, "worker": 1_000_000}
"""New objects from one look for garbage to the next (Python's own: 700). A batch of the worker makes them by the
hundred thousand and none in circles: with 50,000 looking takes a tenth of its time."""
FILES_MAX: Final = 65_536
"""Files and connections of one process."""
KEEP_ALIVE_S: Final = 75
"""How long an idle connection stays open: longer than proxies keep theirs (60 s), so that none is closed while it is
used."""
LOG_RETRY_S: Final = 1.0
"""Between two tries to open the log on Kafka."""
STORE_RETRY_S: Final = 1.0
"""Between two tries to bring the tables up to date."""


def prepare(name: str, data: Path, *, supervised: bool, share: Share | None = None) -> None:
    """Be the one process that is ``name`` for this data directory, log to standard error, and, when supervised, stop
    with the supervisor. Ends the process when another one holds the place, or, for a worker, part of its ``share``."""
    logging.basicConfig(
        format="%(asctime)s %(levelname)s %(name)s: %(message)s", datefmt="%Y-%m-%dT%H:%M:%SZ", level=logging.INFO
    )
    logging.Formatter.converter = time.gmtime
    logging.raiseExceptions = False
    _allow_files()
    if supervised:
        os.nice(0 if name == "ingest" else NICENESS)
        threading.Thread(target=_stop_with_supervisor, name="supervisor-watch", daemon=True).start()
    global _lock
    _lock = Lock(part_lock(data, name))
    wait_s = LOCK_WAIT_S if supervised else LOCK_WAIT_ALONE_S
    count = share.count if share else 0
    command = f"tappa {part_kind(name)}" + (f" --share {share.index + 1}/{count}" if share and count > 1 else "")
    try:
        _lock.take(command, wait_s=wait_s, supervised=supervised, workers=count)
        if share:
            require_same_count(data, name, count, wait_s=wait_s)
    except (HeldError, CountsDifferError) as error:
        refuse(f"{error}; stop it first, or choose another --data directory")


_lock: Lock | None = None
"""Held until the process ends."""


def refuse(why: str) -> NoReturn:
    """End the process: starting it again would not help."""
    logger.error("%s", why)
    sys.exit(EXIT_REFUSED)


def run_ingest(settings: Settings, data: Path, listener: socket.socket) -> None:
    """Accept touchpoints over HTTP until told to stop; then answer what is under way and let go of the log."""
    import uvloop

    uvloop.run(_ingest(settings, data, listener))


async def _ingest(settings: Settings, data: Path, listener: socket.socket) -> None:
    import uvicorn

    from explore import documentation
    from explore.answering import Answering
    from explore.app import create_router
    from ingest.app import create_app
    from store.clickhouse import connect
    from tappa.farewell import Farewell, Server
    from tappa.identifiers import Normaliser
    from tappa.keys import Keys
    from tappa.limits import limits_of

    # uvicorn handles the signals itself and raises them again at its end, when the log is still to be closed
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    log = await opened_log(settings, data, stop)
    if log is None:
        return
    keys = Keys(data, settings.ingest.sources_check_s)
    explore = settings.explore
    if not explore.read_keys:
        logger.warning("nobody can read customers over HTTP: there is no read key; make one with: tappa readers add")
    store = connect(settings.store.model_copy(update={"request_timeout_s": explore.store_timeout_s}))
    answering = Answering(explore.answers_max, explore.waiting_max)
    try:
        app = create_app(
            settings.ingest,
            log,
            keys.sources,
            identity=settings.identity,
            currency=settings.money.currency,
            further_docs=documentation.section(),
        )
        app.include_router(
            create_router(
                explore,
                store,
                answering,
                limits=limits_of(settings.identity),
                normalise=Normaliser(settings.identity),
                access=keys.access,
                default_model=default_model(settings),
            )
        )
        farewell = Farewell(app)
        config = uvicorn.Config(
            farewell,
            http="httptools",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=int(DRAIN_S),
        )
        _spare_garbage_collector("ingest")
        await Server(config, farewell, settings.ingest.drain_s).serve([listener])
    finally:
        answering.close()
        await store.close()
        await log.close()


def run_worker(settings: Settings, data: Path, listener: socket.socket, share: Share, name: str = "") -> None:
    """Bring the tables up to date, then work until told to stop; then finish the batch at hand, if that does not take
    too long: what is not committed is read again at the next start. ``share`` is its part of the embedded log; on
    Kafka it is a member of the group, under its ``name`` if it has one."""
    import uvloop

    uvloop.run(_worker(settings, data, listener, share, name))


async def _worker(settings: Settings, data: Path, listener: socket.socket, share: Share, name: str) -> None:
    from stage_engine.model import ModelError
    from store.clickhouse import connect
    from stream.log.interface import LogReplacedError
    from stream.service import Service, monitor
    from tappa.limits import limits_of

    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        models = active_models(settings)
    except (ModelError, OSError, ValueError) as error:
        refuse(f"a journey model cannot be used: {error}")
    if not await _migrated(settings, stop):
        return
    store = connect(settings.store)
    limits = limits_of(settings.identity)
    topic: ChangesTopic | None = None
    try:
        topic = await _opened_topic(settings, stop)
        _spare_garbage_collector("worker")
        if share.index == 0:
            await _say_whether_limits_changed(store, limits)
            await _say_whether_models_wait(store, models)
        service = Service(store, models, settings.worker, limits, topic)
        with monitor(service, listener):
            used_up: set[str] = set()
            while log := await opened_log(settings, data, stop, await _read(store, used_up, stop)):
                async with log, _ownership(log, share, name) as ownership:
                    if await _worked_off(service, log, ownership, stop):
                        used_up.add(log.topic_id)
    except ModelError as error:
        refuse(f"a journey model that is in force cannot be used by this version of Tappa: {error}")
    except LogReplacedError as error:
        logger.error("%s: what follows is done at the next start", error)
        sys.exit(EXIT_NOT_DONE)
    finally:
        if topic is not None:
            await topic.close()
        await store.close()


async def _worked_off(service: Service, log: Log, ownership: Ownership, stop: asyncio.Event) -> bool:
    """Work until told to stop, or to start anew; or until all of the topic is worked off and the log has gone on: then
    True."""
    from stream.log.interface import LogUsedUpError
    from stream.worker import StartAnewError

    work = asyncio.create_task(service.run(log, ownership, stop))
    await asyncio.wait([work, asyncio.create_task(stop.wait())], return_when=asyncio.FIRST_COMPLETED)
    await asyncio.wait([work], timeout=DRAIN_S)
    work.cancel()
    try:
        await work
    except asyncio.CancelledError:
        return False
    except LogUsedUpError as over:
        logger.info("%s", over)
        return True
    except StartAnewError as told:
        logger.info("started anew: %s", told)
    return False


async def _read(store: Store, used_up: Collection[str], stop: asyncio.Event) -> Read:
    """What of the log the store has, however long the store is away."""
    from store.interface import StoreError
    from stream.log.interface import Read

    while not stop.is_set():
        try:
            seen = frozenset(one.topic_id for one in await store.read_positions())
        except StoreError as trouble:
            logger.warning("the store does not answer, trying until it does: %s", trouble)
            await asyncio.sleep(STORE_RETRY_S)
        else:
            return Read(seen=seen, used_up=frozenset(used_up))
    return Read(seen=frozenset())


async def opened_log(
    settings: Settings, data: Path, stop: asyncio.Event, read: Read | None = None, retry_s: float = LOG_RETRY_S
) -> SqliteLog | KafkaLog | None:
    """The log; brokers that are away are waited for. None when told to stop before."""
    from stream.log.opening import open_log

    return await _opened(settings, partial(open_log, data / "log", settings.log, read), stop, retry_s)


async def _opened_topic(settings: Settings, stop: asyncio.Event) -> ChangesTopic | None:
    """Where stage changes go beside the store, if the settings say so. As ``opened_log``."""
    if not (settings.worker.stage_changes and settings.log.kafka.changes_topic):
        return None
    from stream.log.kafka.changes import ChangesTopic

    return await _opened(settings, partial(ChangesTopic.open, settings.log), stop, LOG_RETRY_S)


async def _opened(
    settings: Settings, open_it: Callable[[], Awaitable[T]], stop: asyncio.Event, retry_s: float
) -> T | None:
    from stream.log.interface import LogUnavailableError

    told = ""
    while not stop.is_set():
        try:
            return await open_it()
        except LogUnavailableError as trouble:
            if not settings.log.kafka.servers:
                raise
            if str(trouble) != told:
                told = str(trouble)
                logger.warning("the log cannot be used yet, trying until it can: %s", told)
            await asyncio.sleep(retry_s)
    return None


@contextlib.asynccontextmanager
async def _ownership(log: SqliteLog | KafkaLog, share: Share, name: str) -> AsyncIterator[Ownership]:
    """Where the worker gets its partitions from."""
    from stream.log.sqlite import SqliteLog
    from stream.ownership import FixedShare

    if isinstance(log, SqliteLog):
        yield FixedShare(share.of(log.partitions))
        return
    async with log.join(name) as group:
        yield group


async def _say_whether_limits_changed(store: Store, limits: Limits) -> None:
    """One line when the limits of the settings are not those that were last applied to what is there."""
    from store.interface import StoreError
    from tappa.limits import started_with

    try:
        if not await started_with(store, limits):
            logger.warning(
                "the limits of [identity] have changed: they count for what comes from now on; "
                "for what is there already, run: tappa shared apply"
            )
    except StoreError as trouble:
        logger.warning("cannot tell whether the limits of [identity] have changed: %s", trouble)


async def _say_whether_models_wait(store: Store, models: Sequence[Model]) -> None:
    """One line for each model of the settings that is not yet in force as it is written, or no longer should be."""
    from store.interface import StoreError
    from tappa.rebuild import waiting

    try:
        for line in await waiting(store, models):
            logger.warning("%s; to change that: tappa model rebuild", line)
    except StoreError as trouble:
        logger.warning("cannot tell whether models wait for a rebuild: %s", trouble)


async def _migrated(settings: Settings, stop: asyncio.Event) -> bool:
    """Bring the tables up to date, however long the store is away; False when told to stop before."""
    from store.interface import StoreError
    from store.migrate import SchemaError, migrate

    while not stop.is_set():
        try:
            await migrate(
                settings.store, default_model=default_model(settings), reporting_currency=settings.money.currency
            )
        except SchemaError as error:
            refuse(str(error))
        except StoreError as trouble:
            logger.warning("the store does not answer, trying until it does: %s", trouble)
            await asyncio.sleep(STORE_RETRY_S)
        else:
            return True
    return False


def run_store(settings: Settings, data: Path, listener: socket.socket) -> None:
    """Serve the embedded ClickHouse until told to stop."""
    from store.embedded.directory import StoreHeldError
    from store.embedded.server import run

    try:
        _spare_garbage_collector("store")
        run(settings.store, data, listener=listener)
    except StoreHeldError as error:
        logger.error("%s", error)
        sys.exit(EXIT_NOT_DONE)


def active_models(settings: Settings) -> list[Model]:
    """Those that the settings name. Raises ``ModelError`` and ``OSError``, and ``ValueError`` when two have one name:
    their rows would be the same."""
    models: dict[str, Model] = {}
    for said in settings.models.active:
        model = shipped(said)
        if model.name in models:
            raise ValueError(f"two of the active models are called '{model.name}': give the one in {said} another name")
        models[model.name] = model
    return list(models.values())


def shipped(model: str) -> Model:
    """The model of that name among those that come with Tappa, else the one in the file of that path."""
    from stage_engine.model import load_model

    own = _shipped_file(model)
    return load_model(own if own.exists() else Path(model))


def _shipped_file(model: str) -> Path:
    return Path(str(resources.files("stage_engine") / "models" / f"{model}.yaml"))


def default_model(settings: Settings) -> str:
    """What the tables call the default model: its own name, also where the settings name its file; the settings' word
    for it while its file cannot be used."""
    named = settings.models.default
    if _shipped_file(named).exists():
        return named
    from stage_engine.model import ModelError

    try:
        return shipped(named).name
    except (ModelError, OSError):
        return named


def _spare_garbage_collector(name: str) -> None:
    """Have Python look for garbage seldom, and never at what a part is made of: looking through all of it took tens of
    milliseconds, while senders waited for their answer."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_THRESHOLDS[name])


def _allow_files() -> None:
    """Let this process have as many connections and files as the system allows: the usual 1,024 are few for
    browsers."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES_MAX if most == resource.RLIM_INFINITY else min(most, FILES_MAX)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def _stop_with_supervisor() -> None:
    """Standard input ends when the supervisor does, however it does."""
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(ORPHAN_S)
    os.kill(os.getpid(), signal.SIGKILL)
