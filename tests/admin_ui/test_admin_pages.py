"""The pages' logic, on a real mailcore and a real Postgres, without a browser."""

from collections.abc import Callable
from datetime import UTC
from pathlib import Path

import psycopg
import pytest
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

import admin_ui
from admin_ui import markup, wording
from admin_ui.deployment import Deployment, LoginMode, install
from admin_ui.sessions import Sessions
from mailcore import DeliveryStatus, Mailcore, OutcomeUnknown, ReauthRequired, WaitsFor
from mailcore.sandbox import GoogleSandbox, faults
from tests.admin_ui.admin_calling import ALERTS, BILLING, Authorise

SCRIPT = Path(admin_ui.__file__).with_name("page.py")

Visit = Callable[..., AppTest]


@pytest.fixture
def visit(core: Mailcore) -> Visit:
    """Open a page of a deployment on loopback."""
    sessions = Sessions(b"", 8501, core.logins)
    install(Deployment(core=core, login=LoginMode.OPEN, sessions=sessions))

    return open_page


def open_page(path: str = "home", **query: str) -> AppTest:
    app = AppTest.from_file(str(SCRIPT), default_timeout=30)
    for name, value in query.items():
        app.query_params[name] = value
    # `switch_page` knows only the pages of a folder; those of `st.navigation` go by path.
    app._page_hash = calc_hash(path)
    return app.run()


def texts(app: AppTest) -> str:
    """Everything that is written on the page."""
    kinds = (app.title, app.markdown, app.caption, app.error, app.warning, app.info, app.success)
    return "\n".join(element.value for kind in kinds for element in kind)


def aliases(app: AppTest) -> list[str]:
    """The senders listed, in order."""
    keys = [button.key or "" for button in app.button]
    return [key.removeprefix("delete-") for key in keys if key.startswith("delete-")]


def test_looking_writes_nothing(
    visit: Visit, core: Mailcore, authorised: Authorise, database_url: str
) -> None:
    """No page begins a re-auth, issues a link or records anything by being looked at."""
    authorised("alerts", ALERTS)

    def rows() -> list[int]:
        tables = ("authorization_request", "reauth_ticket", "sender_event", "delivery")
        with psycopg.connect(database_url) as connection:
            counts = [connection.execute(f"SELECT count(*) FROM {name}") for name in tables]  # noqa: S608 - names from above
            return [row[0] for cursor in counts for row in cursor.fetchall()]

    before = rows()
    for path in ("home", "deliveries", "setup"):
        assert not visit(path).exception
    assert not visit("sender", sender="alerts").exception
    assert rows() == before


def test_twenty_five_to_a_page(visit: Visit, core: Mailcore) -> None:
    """The rest is on the next page."""
    for number in range(30):
        core.senders.register(f"sender-{number:02}", gmail_account=ALERTS, by="test")
    assert aliases(visit()) == [f"sender-{number:02}" for number in range(25)]
    assert aliases(visit(page="2")) == [f"sender-{number:02}" for number in range(25, 30)]


def test_a_page_that_is_no_more_gives_way_to_the_last_one(visit: Visit, core: Mailcore) -> None:
    """Deleting the only sender of the last page leads to the page before it."""
    for number in range(51):
        core.senders.register(f"sender-{number:02}", gmail_account=ALERTS, by="test")
    app = visit(page="3")
    assert aliases(app) == ["sender-50"]
    core.senders.delete("sender-50", by="test")
    app.run()
    assert aliases(app) == [f"sender-{number:02}" for number in range(25, 50)]


def test_a_page_of_deliveries_that_is_no_more(
    visit: Visit, core: Mailcore, authorised: Authorise
) -> None:
    """The list has become shorter: its last page is shown, not that nothing matches."""
    authorised("alerts", ALERTS)
    core.send_email("alerts", to="ops@example.com", subject="Disk is full", text="…")
    app = visit("deliveries", page="2")
    assert "Disk is full" in texts(app)


def test_who_needs_a_person_stands_first_and_the_rest_by_project(
    visit: Visit, core: Mailcore, authorised: Authorise
) -> None:
    """Several projects make headings; one that must be authorised goes before them."""
    authorised("zeta", ALERTS)
    authorised("beta", BILLING)
    core.senders.update("zeta", project="Alpha project", by="test")
    core.senders.update("beta", project="Omega project", by="test")
    core.senders.register("late", gmail_account=ALERTS, by="test")
    app = visit()
    assert aliases(app) == ["late", "zeta", "beta"]
    headings = [element.value for element in app.markdown if element.value.startswith("##")]
    assert headings == ["## Needs attention", "## Alpha project", "## Omega project"]


def test_a_sender_that_is_gone_is_told(visit: Visit) -> None:
    """An old link leads to a sentence and a way back, not to a traceback."""
    app = visit("sender", sender="ghost")
    assert "There is no sender named ghost" in texts(app)
    assert not app.exception


def test_a_missing_permission_is_told(
    visit: Visit, core: Mailcore, google: GoogleSandbox, authorised: Authorise
) -> None:
    """After Gmail refused for want of a permission, the page asks for every box."""
    authorised("alerts", ALERTS)
    google.fail("send", faults.INSUFFICIENT_PERMISSIONS, times=None)
    with pytest.raises(ReauthRequired):
        core.send_email("alerts", to="ops@example.com", subject="Disk is full", text="…")
    page = texts(visit("sender", sender="alerts"))
    assert "permission to send is missing" in page
    assert "tick every box" in page
    assert "password" not in page


def test_when_google_was_last_asked(visit: Visit, core: Mailcore, authorised: Authorise) -> None:
    """The page says how old its knowledge is, and a click makes it new."""
    core.senders.register("new", by="ann")
    assert "**Google last asked:** never" in texts(visit("sender", sender="new"))
    authorised("alerts", ALERTS)
    core.check("alerts")
    page = texts(visit("sender", sender="alerts"))
    [fact] = [line for line in page.splitlines() if "Google last asked" in line]
    assert "just now" in fact


@pytest.mark.parametrize("zone", ["Mars/Olympus_Mons", "../etc", "America"])
@pytest.mark.parametrize("path", ["deliveries", "sender"])
def test_a_time_zone_that_is_not_known_here_makes_times_utc(
    visit: Visit, core: Mailcore, authorised: Authorise, path: str, zone: str
) -> None:
    """A browser newer than the server's list of zones still gets its page."""
    authorised("alerts", ALERTS)
    sent = core.send_email("alerts", to="ops@example.com", subject="Disk is full", text="…")
    app = visit(path, sender="alerts")
    app.context["timezone"] = zone
    app.run()
    at = wording.moment(core.deliveries.get(sent.delivery_id).created_at, UTC)
    assert markup.escaped(at) in texts(app)
    assert not app.exception


def test_name_and_project_are_edited(visit: Visit, core: Mailcore, authorised: Authorise) -> None:
    """What is saved is stored, and the account belongs to the grant."""
    authorised("alerts", ALERTS)
    app = visit("sender", sender="alerts")
    inputs = {element.label: element for element in app.text_input}
    assert inputs["Gmail account"].disabled
    inputs["Display name"].input("The Alerts")
    inputs["Project"].input("ops")
    next(button for button in app.button if button.label == "Save").click()
    app.run()
    changed = core.senders.get("alerts")
    assert (changed.display_name, changed.project) == ("The Alerts", "ops")
    assert core.senders.events("alerts")[0].who == "admin"


@pytest.fixture
def unknown(core: Mailcore, google: GoogleSandbox, authorised: Authorise) -> str:
    """The id of a delivery whose connection broke after Gmail had the mail."""
    authorised("alerts", ALERTS)
    google.fail("send", faults.CLOSE_AFTER)
    with pytest.raises(OutcomeUnknown) as lost:
        core.send_email("alerts", to="ops@example.com", subject="Disk is full", text="…")
    assert lost.value.delivery_id
    return lost.value.delivery_id


def test_mail_to_decide_is_counted_and_blames_no_sender(
    visit: Visit, core: Mailcore, unknown: str
) -> None:
    """The sender's row, its page and a line above all tell it; the sender stays healthy."""
    page = visit()
    assert sorted(to_decide(page)) == ["?outcome=Unknown", "?sender=alerts&outcome=Unknown"]
    assert [badge.value for badge in page.markdown if "Healthy" in badge.value]
    assert "Needs attention" not in texts(page)
    assert to_decide(visit("sender", sender="alerts")) == ["?sender=alerts&outcome=Unknown"]
    core.senders.delete("alerts", by="test")
    assert to_decide(visit()) == ["?outcome=Unknown"]
    core.deliveries.discard(unknown, by="test")
    assert not to_decide(visit())


def to_decide(app: AppTest) -> list[str]:
    """Where the links to mail of unknown outcome lead."""
    links = [link.proto for link in app.get("page_link")]
    return [f"?{link.query_string}" for link in links if "unknown outcome" in link.label]


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ({"outcome": "Unknown"}, True),
        ({"outcome": "Sent"}, False),
        ({"sender": "alerts", "outcome": "Unknown"}, True),
        ({"sender": "billing"}, False),
        ({"text": "disk"}, True),
        ({"since": "Last hour"}, True),
        ({"outcome": "Nonsense", "since": "Nonsense"}, True),
    ],
)
def test_an_address_filters_the_deliveries(
    visit: Visit, unknown: str, query: dict[str, str], *, shown: bool
) -> None:
    """A link leads to the mails it speaks of, and can be kept or handed on."""
    page = texts(visit("deliveries", **query))
    assert ("Disk is full" in page) is shown
    assert ("No deliveries match" in page) is not shown


def test_an_empty_log_says_so(visit: Visit) -> None:
    """Where nothing was sent, no filter is to blame."""
    assert "Nothing has been sent yet" in texts(visit("deliveries"))


def test_an_unknown_delivery_is_decided_on(visit: Visit, core: Mailcore, unknown: str) -> None:
    """The dialog says what each choice does, and Discard closes the case."""
    app = visit("deliveries")
    app.button(key=f"open-{unknown}").click().run()
    assert "recipients will get it twice" in texts(app)
    next(button for button in app.button if button.label == "Discard").click()
    app.run()
    assert core.deliveries.get(unknown).status is DeliveryStatus.DISCARDED


@pytest.mark.parametrize(
    ("paused", "promise"), [(True, "Its sender is paused"), (False, "will go out any moment")]
)
def test_what_waits_can_be_cancelled(
    visit: Visit, core: Mailcore, authorised: Authorise, *, paused: bool, promise: str
) -> None:
    """A mail that has not gone out yet can be stopped; the dialog says what it waits for."""
    authorised("alerts", ALERTS)
    waiting = core.queue_email("alerts", to="ops@example.com", subject="Disk is full", text="…")
    if paused:
        core.queue.pause("alerts", by="ann")
    app = visit("deliveries")
    app.button(key=f"open-{waiting.delivery_id}").click().run()
    assert promise in texts(app)
    next(button for button in app.button if button.label == "Cancel it").click()
    app.run()
    assert core.deliveries.get(waiting.delivery_id).status is DeliveryStatus.DISCARDED


def test_one_message_is_held_and_released(
    visit: Visit, core: Mailcore, authorised: Authorise
) -> None:
    """A person keeps one back, sees who does, and lets it go."""
    authorised("alerts", ALERTS)
    waiting = core.queue_email("alerts", to="ops@example.com", subject="Disk is full", text="…")
    app = visit("deliveries")
    app.button(key=f"open-{waiting.delivery_id}").click().run()
    next(button for button in app.button if button.label == "Hold").click()
    app.run()
    assert core.deliveries.get(waiting.delivery_id).waits_for is WaitsFor.RELEASE
    app = visit("deliveries")
    assert "Held by admin" in texts(app)
    app.button(key=f"open-{waiting.delivery_id}").click().run()
    next(button for button in app.button if button.label == "Release").click()
    app.run()
    assert core.deliveries.get(waiting.delivery_id).waits_for is WaitsFor.TURN


def test_what_arrived_is_recorded_as_sent(visit: Visit, core: Mailcore, unknown: str) -> None:
    """Whoever has seen it in the Sent folder says so; none of the three ends is preselected."""
    app = visit("deliveries")
    app.button(key=f"open-{unknown}").click().run()
    ends = [button for button in app.button if button.label in {"It arrived", "Send again"}]
    assert [button.proto.type for button in ends] == ["secondary", "secondary"]
    ends[0].click()
    app.run()
    assert core.deliveries.get(unknown).status is DeliveryStatus.SENT


def test_a_message_that_is_no_longer_stored_cannot_be_sent_again(
    visit: Visit, unknown: str, database_url: str
) -> None:
    """The dialog says why, and speaks of nothing that it does not offer."""
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE delivery SET body = NULL, subject = 'A subject '")
    app = visit("deliveries")
    assert "**A subject**" in texts(app)
    app.button(key=f"open-{unknown}").click().run()
    assert "no longer stored" in texts(app)
    assert "Send again" not in texts(app)
    assert "Send again" not in [button.label for button in app.button]


def test_what_went_out_cannot_be_discarded(
    visit: Visit, core: Mailcore, authorised: Authorise
) -> None:
    """The dialog tells the facts, and offers no decision."""
    authorised("alerts", ALERTS)
    sent = core.send_email("alerts", to="ops@example.com", subject="Disk is full", text="…")
    app = visit("deliveries")
    app.button(key=f"open-{sent.delivery_id}").click().run()
    assert markup.escaped(str(sent.gmail_id)) in texts(app)
    assert "Discard" not in [button.label for button in app.button]


def test_after_an_unknown_outcome_the_next_test_mail_is_a_new_one(
    visit: Visit, google: GoogleSandbox, authorised: Authorise
) -> None:
    """What came of the first is told, and a second click, made on purpose, sends."""
    authorised("alerts", ALERTS)
    google.fail("send", faults.CLOSE_BEFORE)
    app = visit("sender", sender="alerts")

    def send() -> AppTest:
        button = next(button for button in app.button if button.label == "Send test message")
        return button.click().run()

    assert "may or may not have been sent" in texts(send())
    assert "Sent. Gmail ID" in texts(send())
    google.wait_for_outbox(1)


def test_a_client_is_entered_on_the_setup_page(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]
) -> None:
    """Id and secret are stored, and the secret shows nowhere."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    for name in ("GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET"):
        monkeypatch.delenv(name)
    core = Mailcore()
    sessions = Sessions(b"", 8501, core.logins)
    install(Deployment(core=core, login=LoginMode.OPEN, sessions=sessions))
    app = open_page("setup")
    assert "No OAuth client is set up yet" in texts(app)
    inputs = {element.label: element for element in app.text_input}
    inputs["Client ID"].input("123-abc.apps.googleusercontent.com")
    inputs["Client secret"].input("GOCSPX-very-secret")
    next(button for button in app.button if button.label == "Store").click()
    app.run()
    assert not app.exception
    client = core.client.current()
    assert client is not None
    assert client.client_id == "123-abc.apps.googleusercontent.com"
    assert "GOCSPX" not in texts(app)
    core.close()


def test_the_settings_in_force_are_shown_without_secrets(
    visit: Visit, environment: dict[str, str]
) -> None:
    """Each with where it comes from; passwords and keys as dots."""
    table = visit("setup").dataframe[0].value
    shown = table.to_string()
    assert environment["GOOGLE_CLIENT_SECRET"] not in shown
    assert environment["DATABASE_URL"] not in shown
    rows = {row["Setting"]: row for row in table.to_dict("records")}
    assert rows["GOOGLE_CLIENT_ID"]["From"] == "environment"
    assert rows["PALEMAIL_PUBLIC_URL"]["From"] == "default"
