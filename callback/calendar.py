"""``GET /senders/calendar.ics``: when grants end, for an admin's calendar (RFC 5545).

A calendar program can send no header, so the key travels in the address, where others may see
it: a proxy's log, or whoever runs the calendar. See `callback.api_keys.KeysInAddress`.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from uuid import NAMESPACE_URL, uuid5

from starlette.responses import Response

from callback.endpoint import Call, Handler
from mailcore import GrantEnd, Mailcore

if TYPE_CHECKING:
    from icalendar import Event

PATH = "/senders/calendar.ics"
MEDIA_TYPE = "text/calendar; charset=utf-8"
#: If more grants of a project end on one day (UTC), they are one event.
MOST_A_DAY = 10
#: How often a calendar program should look again.
_REFRESH = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """What one event says.

    Attributes:
        about: what it is about; as long as that is the same, so is the event.
        at: when it is.
        changed_at: when anything that it says was last changed.
    """

    about: str
    at: datetime
    changed_at: datetime
    summary: str
    description: str


def serve(core: Mailcore) -> Handler:
    """Return the handler.

    Args:
        core: knows when grants end, and the address of the senders page.
    """
    home = f"{core.settings.public_url.rstrip('/')}/"

    def calendar(call: Call) -> Response:
        ends = core.senders.grant_ends()
        permitted = [end for end in ends if call.caller.key.may_use(end.alias)]
        return _answer(call, _written(permitted, home))

    return calendar


def _answer(call: Call, body: bytes) -> Response:
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache", "Referrer-Policy": "no-referrer"}
    known = call.request.headers.get("if-none-match", "")
    if tag in (each.strip().removeprefix("W/") for each in known.split(",")):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(body, headers=headers, media_type=MEDIA_TYPE)


def _written(ends: Sequence[GrantEnd], home: str) -> bytes:
    from icalendar import Calendar  # noqa: PLC0415 - it takes a tenth of a second

    calendar = Calendar()
    name = f"Gmail permissions ({urlsplit(home).netloc})"
    for key, value in (
        ("PRODID", "-//pal-e-mail//grant ends//EN"),
        ("VERSION", "2.0"),
        ("NAME", name),
        ("X-WR-CALNAME", name),
    ):
        calendar.add(key, value)
    calendar.add("REFRESH-INTERVAL", _REFRESH, parameters={"VALUE": "DURATION"})
    calendar.add("X-PUBLISHED-TTL", "PT1H")
    for entry in _entries(ends, home):
        calendar.add_component(_event(entry, home))
    written: bytes = calendar.to_ical()
    return written


def _entries(ends: Iterable[GrantEnd], home: str) -> Iterator[_Entry]:
    days: dict[tuple[str | None, date], list[GrantEnd]] = defaultdict(list)
    for end in ends:
        days[end.project, end.at.astimezone(UTC).date()].append(end)
    for (project, _), of_a_day in days.items():
        if len(of_a_day) > MOST_A_DAY:
            yield _together(project, of_a_day, home)
        else:
            yield from (_alone(end, home) for end in of_a_day)


def _alone(end: GrantEnd, home: str) -> _Entry:
    account = f" ({end.gmail_account})" if end.gmail_account else ""
    return _Entry(
        about=_identity(end),
        at=end.at,
        changed_at=end.updated_at,
        summary=f"{end.alias}: Gmail permission ends",
        description=(
            f"Google then stops sender {end.alias}{account} from sending. Renew its permission "
            f"before that, on the senders page: {home}"
        ),
    )


def _together(project: str | None, ends: Sequence[GrantEnd], home: str) -> _Entry:
    whose = f"{project}: " if project else ""
    names = ", ".join(end.alias for end in ends[:MOST_A_DAY])
    more = len(ends) - MOST_A_DAY
    return _Entry(
        about=" ".join(map(_identity, ends)),
        at=min(end.at for end in ends),
        changed_at=max(end.updated_at for end in ends),
        summary=f"{whose}{len(ends)} Gmail permissions end",
        description=(
            f"Google then stops {len(ends)} senders from sending: {names} and {more} more. Renew "
            f"their permissions before that, on the senders page: {home}"
        ),
    )


def _identity(end: GrantEnd) -> str:
    # The end, too: a sender that is deleted and added again counts its grants anew.
    return f"{end.alias}#{end.generation} {end.at.isoformat()}"


def _event(entry: _Entry, home: str) -> "Event":
    from icalendar import Event  # noqa: PLC0415 - as above

    event = Event()
    for key, value in (
        ("UID", str(uuid5(NAMESPACE_URL, f"{home}senders/calendar.ics {entry.about}"))),
        # Another end is another event, with a UID of its own; so this one is never rescheduled.
        ("SEQUENCE", 0),
        ("DTSTAMP", entry.changed_at.astimezone(UTC)),
        ("LAST-MODIFIED", entry.changed_at.astimezone(UTC)),
        ("DTSTART", entry.at.astimezone(UTC)),
        ("SUMMARY", entry.summary),
        ("DESCRIPTION", entry.description),
        ("URL", home),
        # It takes no time of the admin's.
        ("TRANSP", "TRANSPARENT"),
    ):
        event.add(key, value)
    return event
