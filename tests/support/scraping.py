"""Reading the metrics as Prometheus does."""

from collections.abc import Callable
from contextlib import closing

from prometheus_client.parser import text_string_to_metric_families

from mailcore import Mailcore

#: Returns the value of a series; None if there is none.
Look = Callable[..., float | None]


def scraped(text: str) -> Look:
    """Return what reads a scrape: a series' name and labels give its value."""
    series = {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }

    def look(name: str, **labels: str) -> float | None:
        return series.get((f"palemail_{name}", frozenset(labels.items())))

    return look


def metrics_of(core: Mailcore) -> Look:
    """Scrape a deployment, as a process does that has not been asked before."""
    with closing(Mailcore(core.settings)) as asked:
        return scraped(asked.metrics.text().decode())


def messages_of(core: Mailcore, alias: str = "alerts") -> dict[str, float | None]:
    """How many messages of a sender are counted, by outcome; those that are not zero."""
    return _counts(core, "messages_total", alias, ("sent", "failed", "unknown", "lapsed"))


def renewals_of(core: Mailcore, alias: str = "alerts") -> dict[str, float | None]:
    """How many renewals of a sender's access are counted, by outcome; those that are not zero."""
    return _counts(core, "renewals_total", alias, ("renewed", "refused", "failed"))


def _counts(
    core: Mailcore, name: str, alias: str, outcomes: tuple[str, ...]
) -> dict[str, float | None]:
    look = metrics_of(core)
    counts = {outcome: look(name, alias=alias, outcome=outcome) for outcome in outcomes}
    return {outcome: count for outcome, count in counts.items() if count != 0}
