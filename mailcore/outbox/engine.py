"""Procrastinate, which runs the jobs: on any number of machines, sharing the work among them.

A job says "look at this sender" and carries no message, so losing every job loses nothing. It has
no ``lock``: a claim in the table of deliveries does better, as it is cheap with any number waiting.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.jobs import Status

from mailcore.clock import elapsed
from mailcore.outbox.engine_connection import PatientAsyncConnection

log = logging.getLogger("mailcore")

_QUEUE = "palemail"
#: Seconds between two looks at the jobs where LISTEN does not work.
_POLL = 1.0
#: Seconds before the engine is started anew after it has failed.
_PAUSE = 1.0
#: Seconds without a heartbeat after which an engine counts as dead.
_DEAD_AFTER = 120.0
#: Seconds between two looks for the jobs of dead engines.
_STALLED = 60.0
#: Connections: one fetches, one or two defer and finish; another one, beside them, listens.
_CONNECTIONS = 4


class Engine:
    """One run of Procrastinate after the other, in a thread with a loop of its own.

    It ends with every lost connection, and is started anew. No wait for Postgres is endless: see
    `outbox.engine_connection`.

    Args:
        connect_arguments: returns libpq's, as returned by `Database.connect_arguments`.
        drain: drains a sender, in one of `concurrency` threads.
        clean_up: forgets old rows, every ten minutes on one of all workers.
        concurrency: how many senders are drained at the same time.
        patience: seconds that a drain may take to end after a stop.
    """

    def __init__(
        self,
        connect_arguments: Callable[[], dict[str, Any]],
        *,
        drain: Callable[[str], None],
        clean_up: Callable[[], None],
        concurrency: int,
        patience: float,
    ) -> None:
        self._connect_arguments = connect_arguments
        self._drain = drain
        self._clean_up = clean_up
        self._concurrency = concurrency
        self._patience = patience
        self._stopping = threading.Event()
        self._running: tuple[asyncio.AbstractEventLoop, asyncio.Task[None], App] | None = None
        self._beat = elapsed()
        self._thread = threading.Thread(target=self._run, name="mailcore-engine", daemon=True)

    def start(self) -> None:
        """Begin to run jobs."""
        self._thread.start()

    def stop(self) -> None:
        """Run no more jobs; those that run are waited for in `join`."""
        self._stopping.set()
        running = self._running
        if running is not None:
            loop, task, _ = running
            with suppress(RuntimeError):  # it has ended by itself, and its loop is closed
                loop.call_soon_threadsafe(task.cancel)

    def join(self) -> None:
        """Wait until the jobs that run have ended, for as long as the patience lasts."""
        self._thread.join(self._patience + PatientAsyncConnection.patience)

    @property
    def silent_for(self) -> float:
        """Seconds since the engine was last known to work."""
        return elapsed() - self._beat

    def defer(self, aliases: Iterable[str]) -> bool:
        """Have senders drained, by whichever worker is free.

        Returns:
            Whether the engine has taken it; if not, look again later.
        """
        running = self._running
        if running is None:
            return False
        loop, _, app = running
        try:
            asyncio.run_coroutine_threadsafe(_defer(app, list(aliases)), loop).result(
                PatientAsyncConnection.patience
            )
        except (ConnectorException, RuntimeError, TimeoutError, CancelledError) as exc:
            log.info("the queue's engine cannot take jobs right now: %r", exc)
            return False
        self._beat = elapsed()
        return True

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                asyncio.run(self._session())
            except asyncio.CancelledError:
                continue
            except Exception as exc:  # noqa: BLE001 - whatever ended it: it is started anew
                log.warning("the queue's engine restarts after: %r", exc)
            self._stopping.wait(_PAUSE)

    async def _session(self) -> None:
        loop = asyncio.get_running_loop()
        pool = ThreadPoolExecutor(self._concurrency + 1, thread_name_prefix="mailcore-drain")
        loop.set_default_executor(pool)
        app = self._app()
        async with app.open_async():
            watch = asyncio.create_task(self._watch(app))
            task = asyncio.current_task()
            assert task is not None  # noqa: S101 - a coroutine runs in one
            self._running = loop, task, app
            self._beat = elapsed()
            try:
                if not self._stopping.is_set():
                    await app.run_worker_async(
                        queues=[_QUEUE],
                        name="pal-e-mail",
                        concurrency=self._concurrency,
                        fetch_job_polling_interval=_POLL,
                        delete_jobs="always",
                        install_signal_handlers=False,
                        shutdown_graceful_timeout=self._patience,
                        stalled_worker_timeout=_DEAD_AFTER,
                    )
            finally:
                self._running = None
                watch.cancel()

    async def _watch(self, app: App) -> None:
        """Say that the engine lives, and take dead engines' jobs off the table."""
        looked = elapsed()
        while True:
            await asyncio.sleep(_POLL)
            try:
                await app.check_connection_async()
                self._beat = elapsed()
                if elapsed() - looked > _STALLED:
                    looked = elapsed()
                    await _forget_stalled(app)
            except ConnectorException as exc:
                log.info("the queue's engine cannot reach Postgres: %r", exc)

    def _app(self) -> App:
        app = App(
            connector=PsycopgConnector(
                kwargs=self._connect_arguments(),
                min_size=1,
                max_size=_CONNECTIONS,
                timeout=PatientAsyncConnection.patience,
                connection_class=PatientAsyncConnection,
            )
        )

        @app.task(name="drain", queue=_QUEUE)
        def drain(alias: str) -> None:
            self._drain(alias)

        @app.periodic(cron="*/10 * * * *")
        @app.task(name="clean_up", queue=_QUEUE, queueing_lock="clean_up")
        def clean_up(timestamp: int) -> None:  # noqa: ARG001 - Procrastinate gives it
            self._clean_up()

        return app


async def _defer(app: App, aliases: list[str]) -> None:
    for alias in aliases:
        with suppress(AlreadyEnqueued):  # somebody else has asked for the same
            await app.configure_task("drain", queueing_lock=f"drain {alias}").defer_async(
                alias=alias
            )


async def _forget_stalled(app: App) -> None:
    """Delete the jobs of dead engines: their senders are looked at again in any case."""
    for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=_DEAD_AFTER):
        await app.job_manager.finish_job(job, Status.FAILED, delete_job=True)
