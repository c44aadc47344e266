"""Over a whole run, no secret is anywhere but where it belongs."""

import logging
import traceback
from collections.abc import Iterator

import pytest

from mailcore import Mailcore, PalEMailError
from mailcore.sandbox import GoogleSandbox, faults
from tests.support.authorise import ACCOUNT, authorise, come_back, query
from tests.support.driving import Tables


@pytest.fixture
def everything_logged(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """As when somebody hunts a fault with every library at DEBUG."""
    with caplog.at_level(logging.DEBUG):
        yield caplog


class Heard:
    """All that a run said: errors with their whole chains, and the repr of what it returned."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def __call__(self, call: object, *arguments: object, **named: object) -> object:
        assert callable(call)
        try:
            result = call(*arguments, **named)
        except PalEMailError as exc:
            self.said += [repr(exc), str(exc), str(vars(exc)), *traceback.format_exception(exc)]
            return exc
        self.said.append(f"{result!r} {result}")
        return result


def test_no_secret_leaks_over_a_whole_run(
    core: Mailcore,
    google: GoogleSandbox,
    tables: Tables,
    everything_logged: pytest.LogCaptureFixture,
) -> None:
    """Authorise, send, refresh and fail in every way: logs, errors, reprs and events are clean."""
    heard = Heard()
    own = google.credentials_for(google.register_client())
    heard(core.senders.register, "alerts", gmail_account=ACCOUNT, by="t")
    heard(core.senders.register, "own", gmail_account=ACCOUNT, credentials_json=own, by="t")
    heard(core.client.store, google.credentials_json, by="t")
    heard(core.page_secrets)
    heard(core.logins.begin, state="s")
    heard(core.logins.complete, code="c", code_verifier="a-verifier-" * 4)
    heard(core.doctor)

    def send() -> object:
        return heard(
            core.send_email, "alerts", to="ops@example.com", subject="s", text="t", timeout=2
        )

    def back(**person: object) -> object:
        begun = core.authorizations.begin("alerts", by="t")
        address = google.consent(begun.url, **person)  # type: ignore[arg-type]
        heard(come_back, core, address)
        heard(come_back, core, address)
        return heard(core.authorizations.progress, begun.id)

    heard(authorise, core, google)
    heard(authorise, core, google, "own")
    send()
    for person in (
        {"cancel": True},
        {"account": "billing@example.com"},
        {"untick": ["gmail.send"]},
    ):
        back(**person)
    for fault in (
        faults.INVALID_CLIENT,
        faults.INVALID_GRANT,
        faults.SERVICE_UNAVAILABLE_HTML,
        faults.OK_WITH_GARBAGE,
        faults.OK_WITH_TRUNCATED_JSON,
        faults.CLOSE_AFTER,
    ):
        google.fail("token", fault)
        back()
        tables.make_access_tokens_stale()
        google.fail("token", fault)
        heard(core.check, "alerts")
        google.heal()
        heard(authorise, core, google)
    for fault in (
        faults.UNAUTHORIZED,
        faults.INSUFFICIENT_PERMISSIONS,
        faults.CLOSE_AFTER,
        faults.ACCESS_NOT_CONFIGURED,
        faults.MAIL_SERVICE_NOT_ENABLED,
    ):
        google.fail("send", fault)
        send()
    google.expire_access_tokens()
    send()
    google.revoke_grant(ACCOUNT)
    send()
    ticket = core.tickets.issue("alerts", by="t")
    heard(core.tickets.inspect, str(ticket.url).rpartition("/")[2])
    heard(core.tickets.inspect, "forged")
    heard(core.rotate_keys)
    for shown in (
        core,
        core.settings,
        core.client,
        core._vault,
        core.senders.page(),
        core.senders.get("own"),
        core.senders.events("alerts", limit=1000),
        core.deliveries.page(limit=100),
        core._tokens.load("own"),
        core._tokens.load("own").grant,
        core.client.deployment(),
        tables("SELECT * FROM sender_event"),
        tables("SELECT last_error_text, status_reason FROM sender"),
        tables("SELECT alias, error_text, error_code FROM delivery"),
    ):
        heard.said.append(repr(shown))

    browsing = "/o/oauth2/v2/auth?"  # what the person's browser does is no log of the program's
    logged = [f"{vars(record)} {record.getMessage()}" for record in everything_logged.records]
    said = "\n".join([*(line for line in logged if browsing not in line), *heard.said])
    assert "Starting new HTTP connection" in said  # it really is all of DEBUG
    assert len(google.secrets) > 40
    assert core._tokens.load("own").grant.access_token in google.secrets
    leaked = [secret for secret in google.secrets if secret in said]
    where = [line[:40] for line in said.splitlines() if any(secret in line for secret in leaked)]
    assert not leaked, f"{len(leaked)} secrets, in lines that begin with {where}"


def test_what_a_link_carries_is_not_in_its_repr(core: Mailcore, google: GoogleSandbox) -> None:
    """A dialog or a log may show that a re-auth was begun, but not how to complete it."""
    core.senders.register("alerts", gmail_account=ACCOUNT, by="t")
    begun = core.authorizations.begin("alerts", by="t")
    ticket = core.tickets.issue("alerts", by="t")

    assert query(begun.url)["state"] not in repr(begun)
    assert str(ticket.url).rpartition("/")[2] not in repr(ticket)
