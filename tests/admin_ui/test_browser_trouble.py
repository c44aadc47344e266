"""When things are down: a helpful page that recovers by itself, and never a traceback."""

from contextlib import closing

import psycopg
import pytest
from playwright.sync_api import expect
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL, Identifier

from mailcore import ConfigurationError, Mailcore, Settings
from mailcore.sandbox import GoogleSandbox, faults
from tests.admin_ui.admin_calling import ALERTS, Authorise, Person, Serve, row
from tests.admin_ui.admin_program import Served
from tests.support.driving import Tables

pytestmark = pytest.mark.browser


class Outage:
    """Takes one database away for a while."""

    def __init__(self, server: str, database_url: str) -> None:
        self._server = server
        self._name = str(conninfo_to_dict(database_url)["dbname"])

    def __enter__(self) -> None:
        self._allow("false")
        with psycopg.connect(self._server, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                [self._name],
            )

    def __exit__(self, *_: object) -> None:
        self._allow("true")

    def _allow(self, whether: str) -> None:
        with psycopg.connect(self._server, autocommit=True) as connection:
            connection.execute(
                SQL("ALTER DATABASE {} WITH ALLOW_CONNECTIONS {}").format(
                    Identifier(self._name), SQL(whether)
                )
            )


@pytest.fixture
def outage(postgres_server: str, database_url: str) -> Outage:
    return Outage(postgres_server, database_url)


def test_an_open_page_survives_an_outage_of_the_database(
    served: Served, person: Person, authorised: Authorise, outage: Outage
) -> None:
    """The list gives way to a notice, and comes back without a reload."""
    authorised("alerts", ALERTS)
    page = person(served.url)
    expect(row(page, "alerts")).to_be_visible()
    with outage:
        expect(page.get_by_text("The database cannot be reached")).to_be_visible()
        expect(page.get_by_text("Traceback")).to_have_count(0)
    expect(row(page, "alerts")).to_be_visible()


@pytest.mark.parametrize("path", ["", "/deliveries", "/sender?sender=alerts"])
def test_a_page_opened_during_an_outage_comes_up_when_it_is_over(
    served: Served, person: Person, authorised: Authorise, outage: Outage, path: str
) -> None:
    """Each page explains itself, and draws itself once it can."""
    authorised("alerts", ALERTS)
    with outage:
        page = person(served.url + path)
        expect(page.get_by_text("The database cannot be reached").first).to_be_visible()
        expect(page.get_by_text("Traceback")).to_have_count(0)
    expect(page.get_by_text("The database cannot be reached")).to_have_count(0)
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def test_setup_says_that_the_database_is_the_trouble(
    served: Served, person: Person, outage: Outage
) -> None:
    """The checks work without a database: that is when they are read."""
    with outage:
        page = person(f"{served.url}/setup")
        expect(
            page.get_by_text("Check DATABASE_URL and that Postgres is running").first
        ).to_be_visible()
        expect(page.get_by_text("/senders/callback").first).to_be_visible()


def test_missing_tables_are_explained_until_they_are_there(
    serve: Serve, person: Person, empty_database_url: str
) -> None:
    """The page names the command, and comes up once it has been run."""
    with closing(Mailcore(Settings(database_url=empty_database_url))) as core:
        core.migrate()
        served = serve(DATABASE_URL=empty_database_url)
        Tables(empty_database_url)("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        page = person(served.url)
        expect(page.get_by_text("pal-e-mail migrate")).to_be_visible()
        core.migrate()
    expect(page.get_by_text("No senders yet")).to_be_visible()


def test_a_refused_client_is_one_banner_and_flips_no_sender(
    served: Served, person: Person, core: Mailcore, google: GoogleSandbox, authorised: Authorise
) -> None:
    """`invalid_client` is the deployment's fault: the senders stay healthy."""
    authorised("alerts", ALERTS)
    google.expire_access_tokens()
    google.fail("token", faults.INVALID_CLIENT)
    with pytest.raises(ConfigurationError):
        core.send_email("alerts", to="ops@example.com", subject="Hi", text="…")
    page = person(served.url)
    expect(
        page.get_by_text("The OAuth client or the Google project is at fault, not the senders")
    ).to_be_visible()
    expect(row(page, "alerts")).to_contain_text("Healthy")
    page.get_by_role("link", name="Open Setup").click()
    expect(page.get_by_role("heading", name="Setup", exact=True)).to_be_visible()
