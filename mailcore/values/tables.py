"""Senders and deliveries as CSV (RFC 4180), for spreadsheets and scripts."""

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import datetime

from mailcore.values.deliveries import Delivery
from mailcore.values.senders import Sender

#: The columns, by the names of the fields.
SENDER_COLUMNS = (
    *("alias", "status", "expiring", "status_reason", "gmail_account", "display_name", "project"),
    *("grant_issued_at", "grant_expires_at", "last_sent_at", "queued", "held", "unknown"),
    *("paused_by", "last_error_text", "created_at"),
)
DELIVERY_COLUMNS = (
    *("id", "created_at", "alias", "recipients", "subject", "status", "waits_for", "sent_at"),
    "sent_through",
    *("attempts", "error_code", "error_text", "gmail_id", "message_id", "idempotency_key"),
)
#: What makes a spreadsheet take a cell for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def senders_csv(senders: Iterable[Sender]) -> Iterator[str]:
    """Yield a head, and a line for each sender; see `SENDER_COLUMNS`."""
    return _lines(SENDER_COLUMNS, senders)


def deliveries_csv(deliveries: Iterable[Delivery]) -> Iterator[str]:
    """Yield a head, and a line for each delivery; see `DELIVERY_COLUMNS`.

    Times are UTC, in ISO 8601. Text that a spreadsheet would take for a formula begins with an
    apostrophe: subjects may come from strangers (OWASP, "CSV Injection").
    """
    return _lines(DELIVERY_COLUMNS, deliveries)


def _lines(columns: tuple[str, ...], rows: Iterable[object]) -> Iterator[str]:
    yield _line(columns)
    for row in rows:
        yield _line([_cell(getattr(row, column)) for column in columns])


def _line(cells: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case datetime():
            return value.isoformat(timespec="seconds")
        case bool():
            return str(value).lower()
        case tuple():
            return _as_text(", ".join(value))
        case str():
            return _as_text(value)
        case _:
            return str(value)


def _as_text(value: str) -> str:
    return f"'{value}" if value.startswith(_FORMULA) else value
