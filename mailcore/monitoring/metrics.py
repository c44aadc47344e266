"""The metrics, as Prometheus reads them.

They are read from Postgres, whichever process is asked: all give the same. No label has an
address or a secret in it.
"""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from mailcore.clock import elapsed, now
from mailcore.monitoring.measurements import Measurements, SenderMeasurements, measure
from mailcore.settings import Settings
from mailcore.status import SenderStatus
from mailcore.store.database import Database
from mailcore.values.alerts import AlertHealth

#: Seconds for which what was read is given again.
FRESH_FOR = 15.0

_SENDER = ("alias", "project")


class Metrics:
    """Reads the metrics, at most every 15 seconds. Safe to share among threads.

    Args:
        settings: the deployment's limits.
        database: where everything is counted.
        alert_health: says whether alerts reach anybody; None leaves that out.

    Attributes:
        content_type: what `text` returns, for an answer's header.
    """

    content_type = "text/plain; version=0.0.4; charset=utf-8"

    def __init__(
        self,
        settings: Settings,
        database: Database,
        alert_health: Callable[[], AlertHealth] | None = None,
    ) -> None:
        self._settings = settings
        self._database = database
        self._alert_health = alert_health
        self._reading = threading.Lock()
        self._text = b""
        self._read_at: float | None = None

    def text(self) -> bytes:
        """Return them in Prometheus' text format.

        Raises:
            ConfigurationError: the tables are missing.
            DatabaseUnavailable: Postgres cannot be reached.
        """
        with self._reading:  # whoever asks meanwhile gets the same
            if self._read_at is None or elapsed() - self._read_at >= FRESH_FOR:
                began = elapsed()
                self._text = self._render()
                self._read_at = began
            return self._text

    def _render(self) -> bytes:
        began, at = elapsed(), now()
        measurements = measure(self._database, self._settings)
        health = self._alert_health() if self._alert_health else None
        registry = CollectorRegistry()
        registry.register(_Collected(measurements, health, at, elapsed() - began))
        return generate_latest(registry)


@dataclass(frozen=True, slots=True, eq=False)
class _Collected(Collector):
    """Everything, as it was at one moment.

    Attributes:
        at: when it was read.
        took: how many seconds that took.
    """

    measurements: Measurements
    health: AlertHealth | None
    at: datetime
    took: float

    def collect(self) -> Iterator[Metric]:
        """Return every metric."""
        yield from _of_senders(self.measurements.senders)
        yield from _of_queues(self.measurements.senders)
        yield from _of_workers(self.measurements)
        yield from _of_alerts(self.measurements, self.health)
        yield _moment("palemail_collected", "When these metrics were read from Postgres.", self.at)
        yield GaugeMetricFamily(
            "palemail_collection_seconds", "How long reading them took.", self.took
        )


def _of_senders(senders: tuple[SenderMeasurements, ...]) -> Iterator[Metric]:
    status = GaugeMetricFamily(
        "palemail_sender_status",
        "Whether a sender has this status: 1 for the one that it has, 0 for the others.",
        labels=[*_SENDER, "status"],
    )
    ends = GaugeMetricFamily(
        "palemail_grant_end_timestamp_seconds",
        "When a sender's grant ends; missing if no end is known.",
        labels=_SENDER,
    )
    paused = GaugeMetricFamily(
        "palemail_sender_paused", "Whether a person has paused a sender's queue.", labels=_SENDER
    )
    messages = CounterMetricFamily(
        "palemail_messages",
        "Messages by what became of them; one that is still being tried is not counted.",
        labels=["alias", "outcome"],
    )
    renewals = CounterMetricFamily(
        "palemail_renewals",
        "Renewals of a sender's access at Google, by outcome: refused means the grant or account.",
        labels=["alias", "outcome"],
    )
    for sender in senders:
        labels = (sender.alias, sender.project)
        for each in SenderStatus:
            status.add_metric((*labels, each.value), float(sender.status is each))
        if sender.grant_ends_at is not None:
            ends.add_metric(labels, sender.grant_ends_at.timestamp())
        paused.add_metric(labels, float(sender.paused))
        for outcome, count in sender.messages.items():
            messages.add_metric((sender.alias, outcome), count)
        for outcome, count in sender.renewals.items():
            renewals.add_metric((sender.alias, outcome), count)
    yield from (status, ends, paused, messages, renewals)


def _of_queues(senders: tuple[SenderMeasurements, ...]) -> Iterator[Metric]:
    queued = GaugeMetricFamily(
        "palemail_queue_messages",
        "Messages in a sender's queue, including held ones and those for later.",
        labels=["alias"],
    )
    oldest = GaugeMetricFamily(
        "palemail_queue_oldest_timestamp_seconds",
        "Since when the first message in a sender's queue has been due; missing if none is.",
        labels=["alias"],
    )
    unknown = GaugeMetricFamily(
        "palemail_unknown_outcomes_open",
        "Messages that may or may not have been sent, and that wait for a person.",
        labels=["alias"],
    )
    limit = GaugeMetricFamily(
        "palemail_budget_limit",
        "What a sender may send in any 24 hours; missing if there is no limit.",
        labels=["alias", "unit"],
    )
    used = GaugeMetricFamily(
        "palemail_budget_used",
        "What a sender has sent in the last 24 hours; missing if there is no limit.",
        labels=["alias", "unit"],
    )
    rerouted = GaugeMetricFamily(
        "palemail_rerouted_messages",
        "Messages of a sender that have gone out through its fallback in the last 24 hours.",
        labels=["alias"],
    )
    for sender in senders:
        alias = (sender.alias,)
        rerouted.add_metric(alias, sender.rerouted)
        queued.add_metric(alias, sender.queued)
        if sender.due_since is not None:
            oldest.add_metric(alias, sender.due_since.timestamp())
        unknown.add_metric(alias, sender.unknown)
        for budget in sender.budgets:
            limit.add_metric((sender.alias, budget.unit), budget.limit)
            used.add_metric((sender.alias, budget.unit), budget.used)
    yield from (queued, oldest, unknown, rerouted, limit, used)


def _of_workers(measurements: Measurements) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "palemail_workers", "Workers heard of within the last minute.", measurements.workers
    )
    yield _moment(
        "palemail_worker_last_seen",
        "When a worker last said that it is working; missing if none is registered.",
        measurements.worker_seen_at,
    )


def _of_alerts(measurements: Measurements, health: AlertHealth | None) -> Iterator[Metric]:
    alerts = GaugeMetricFamily(
        "palemail_alerts_open", "Alerts that are true right now.", labels=["kind"]
    )
    for kind, count in measurements.alerts_open.items():
        alerts.add_metric((kind.value,), count)
    yield alerts
    if health is None:
        return
    yield GaugeMetricFamily("palemail_alert_channels", "Channels for alerts.", health.channels)
    yield GaugeMetricFamily(
        "palemail_alert_notices_waiting", "Notices that have not gone out yet.", health.waiting
    )
    yield GaugeMetricFamily(
        "palemail_alerts_silent",
        "Whether an alert has reached nobody for more than 15 minutes.",
        float(health.silent_since is not None),
    )
    yield _moment(
        "palemail_alerts_silent_since",
        "When the oldest such alert was due; missing if there is none.",
        health.silent_since,
    )


def _moment(name: str, meaning: str, at: datetime | None) -> Metric:
    family = GaugeMetricFamily(f"{name}_timestamp_seconds", meaning)
    if at is not None:
        family.add_metric((), at.timestamp())
    return family
