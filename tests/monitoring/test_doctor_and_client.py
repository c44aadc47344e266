"""The Setup page's data: the OAuth client, the checks, and the login."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from mailcore import (
    ConfigurationError,
    Finding,
    FindingState,
    Mailcore,
    PageSecrets,
    Settings,
    now,
)
from mailcore.alert_urls import parse
from mailcore.sandbox import GoogleSandbox
from tests.support.authorise import ACCOUNT, authorise
from tests.support.connect_proxy import connect_proxy
from tests.support.driving import Tables, at_once
from tests.support.token_stand_in import TokenStandIn

Deployed = Callable[[Settings], Mailcore]

NO_CLIENT = {"google_client_id": None, "google_client_secret": None}


@pytest.fixture
def deployed() -> Iterator[Deployed]:
    """Makes the Mailcores of a test, and closes them all."""
    with ExitStack() as made:
        yield lambda settings: made.enter_context(closing(Mailcore(settings)))


@pytest.fixture
def bare(settings: Settings) -> Settings:
    """A deployment whose environment names no OAuth client."""
    return settings.model_copy(update=NO_CLIENT)


def test_senders_with_service_accounts_need_no_client(
    bare: Settings, google: GoogleSandbox, deployed: Deployed
) -> None:
    """A deployment of nothing else is not called broken."""
    core, account = deployed(bare), google.register_service_account()
    google.delegate(account)

    def state() -> FindingState:
        return next(each.state for each in core.doctor() if each.name == "OAuth client")

    assert state() is FindingState.BROKEN
    core.senders.register("alerts", gmail_account=ACCOUNT, by="t")
    core.service_accounts.use("alerts", account.key_json, by="t")
    assert state() is FindingState.NOTE
    core.senders.register("billing", by="t")
    assert state() is FindingState.BROKEN


def test_the_stored_client_serves_where_the_environment_has_none(
    bare: Settings, google: GoogleSandbox, deployed: Deployed
) -> None:
    """Uploaded on the Setup page, it asks for consent, and other processes find it."""
    core = deployed(bare)
    assert core.client.current() is None
    stored = core.client.store(google.credentials_json, by="ann@example.com")
    assert (stored.client_id, stored.source) == (google.client_id, "Setup page")

    other = deployed(bare)
    assert other.client.current() == stored
    other.senders.register("alerts", gmail_account=ACCOUNT, by="t")
    authorise(other, google)

    core.client.remove(by="t")
    assert other.client.current() is None


def test_the_environment_wins_over_the_stored_client(core: Mailcore, google: GoogleSandbox) -> None:
    """What the operator deploys is what runs."""
    core.client.store_pair("1-stored.apps.googleusercontent.com", "secret", by="t")
    client = core.client.current()
    assert client is not None
    assert (client.client_id, client.source) == (google.client_id, "GOOGLE_CLIENT_ID")


def test_a_credentials_file_serves(
    bare: Settings, google: GoogleSandbox, tmp_path: Path, deployed: Deployed
) -> None:
    """As Google's console hands it out; a bad one is named."""
    file = tmp_path / "credentials.json"
    core = deployed(bare.model_copy(update={"google_credentials_file": file}))
    with pytest.raises(ConfigurationError, match="GOOGLE_CREDENTIALS_FILE"):
        core.client.current()
    file.write_text("{}")
    with pytest.raises(ConfigurationError, match="GOOGLE_CREDENTIALS_FILE"):
        core.client.current()
    file.write_text(google.credentials_json)
    client = core.client.current()
    assert client is not None
    assert (client.client_id, client.source) == (google.client_id, "GOOGLE_CREDENTIALS_FILE")


@pytest.mark.parametrize(
    "upload",
    [
        "",
        "not json",
        "[]",
        "null",
        '"text"',
        "{}",
        '{"web": []}',
        '{"web": {"client_id": "x"}}',
        '{"installed": {"client_id": "", "client_secret": "x"}}',
        '{"web": {"client_id": 1, "client_secret": 2}}',
        '{"type": "service_account", "client_id": "1", "private_key": "x"}',
    ],
)
def test_a_wrong_upload_is_refused(bare: Settings, upload: str, deployed: Deployed) -> None:
    """The person reads where to get the right file; nothing is stored."""
    core = deployed(bare)
    with pytest.raises(ConfigurationError, match="The upload"):
        core.client.store(upload, by="t")
    assert core.client.current() is None


@pytest.mark.parametrize("pair", [("", "secret"), ("id", " "), ("", "")])
def test_half_a_pair_is_refused(bare: Settings, pair: tuple[str, str], deployed: Deployed) -> None:
    """Both are needed."""
    core = deployed(bare)
    with pytest.raises(ConfigurationError, match="Enter both"):
        core.client.store_pair(*pair, by="t")


def findings(core: Mailcore) -> dict[str, Finding]:
    return {finding.name: finding for finding in core.doctor()}


OK = FindingState.OK
#: Nobody listens on port 1.
NOBODY = "http://localhost:1"


def test_the_doctor_finds_all_well(settings: Settings, deployed: Deployed) -> None:
    """But for the callback, which does not run in this test."""
    keys = (SecretStr(Fernet.generate_key().decode()),)
    told = parse("mailto://ops:pw@mail.example")
    changes = {"public_url": NOBODY, "encryption_keys": keys, "alert_urls": told}
    core = deployed(settings.model_copy(update=changes))
    core.rotate_keys()
    core.alerting.look()  # as a worker does, and so tells of the channels in its environment
    found = findings(core)
    assert {name for name, finding in found.items() if finding.state is not OK} == {
        "Callback address",  # known only from a client's file
        "Callback reachable",
    }
    assert "Postgres" in found["Database"].detail
    assert found["OAuth client"].detail.endswith("from GOOGLE_CLIENT_ID")
    assert all((finding.remedy is None) == (finding.state is OK) for finding in found.values())


def test_the_doctor_notes_that_nobody_would_be_told(settings: Settings, deployed: Deployed) -> None:
    """A deployment without a channel works, and fails silently one day."""
    found = findings(deployed(settings.model_copy(update={"public_url": NOBODY})))["Alerts"]
    assert found.state is FindingState.NOTE
    assert found.remedy is not None
    assert "Setup" in found.remedy


def test_the_doctor_notes_that_tokens_are_not_encrypted(
    settings: Settings, deployed: Deployed
) -> None:
    """That breaks nothing, and is no reason for a plain tick either: it says what one can do."""
    found = findings(deployed(settings.model_copy(update={"public_url": NOBODY})))["Encryption"]
    assert found.state is FindingState.NOTE
    assert "unencrypted" in found.detail
    assert "PALEMAIL_ENCRYPTION_KEYS" in str(found.remedy)


def test_the_doctor_notes_that_rotation_has_not_sealed_everything(
    settings: Settings, deployed: Deployed
) -> None:
    """Keys that were only set still let in what anybody writes in plain text."""
    keys = (SecretStr(Fernet.generate_key().decode()),)
    core = deployed(settings.model_copy(update={"public_url": NOBODY, "encryption_keys": keys}))
    found = findings(core)["Encryption"]
    assert found.state is FindingState.NOTE
    assert "rotate-keys" in str(found.remedy)
    core.rotate_keys()
    assert findings(core)["Encryption"].state is OK


def test_the_doctor_looks_at_a_deployment_where_nothing_works(
    tmp_path: Path, deployed: Deployed
) -> None:
    """Nothing raises. A database that is away is told of once, and not by all that need it."""
    core = deployed(
        Settings(
            data_dir=tmp_path,
            public_url="http://mail.example.com:1",
            google_token_uri="http://127.0.0.1:9/token",
        )
    )
    found = findings(core)
    for name in ("Database", "Callback address", "Google"):
        assert found[name].state is FindingState.BROKEN
        assert found[name].remedy
    assert "DATABASE_URL" in found["Database"].detail
    for name in ("Migrations", "OAuth client"):
        assert found[name].state is FindingState.UNCHECKED
        assert found[name].remedy is None


def test_the_doctor_sees_missing_tables(
    empty_database_url: str, settings: Settings, deployed: Deployed
) -> None:
    """With the command that makes them."""
    url = SecretStr(empty_database_url)
    core = deployed(settings.model_copy(update={"database_url": url}))
    found = findings(core)
    assert found["Database"].state is OK
    assert "pal-e-mail migrate" in str(found["Migrations"].remedy)


@pytest.mark.parametrize(
    ("date", "state"),
    [
        (format_datetime(now() + timedelta(days=10_000), usegmt=True), FindingState.BROKEN),
        ("Sun, 22 Nov 2020 10:00:00 -0000", None),
        ("yesterday", None),
        ("", None),
    ],
    ids=["off", "without a zone", "nonsense", "none"],
)
def test_the_doctor_compares_clocks(
    settings: Settings, date: str, state: FindingState | None, deployed: Deployed
) -> None:
    """A clock that is off makes good tokens look bad; without a date nothing is claimed."""
    with TokenStandIn(date=date) as endpoint:
        core = deployed(settings.model_copy(update={"google_token_uri": endpoint.token_uri}))
        clock = findings(core).get("Clock")
        assert (clock and clock.state) == state


def test_the_doctor_reaches_google_as_mail_does(
    settings: Settings, deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind a company's proxy it is the proxy that is asked, and blamed."""
    real = {"google_token_uri": Settings.model_fields["google_token_uri"].default}
    for name in ("no_proxy", "NO_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    with connect_proxy() as proxy:
        proxy.refuse = True
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        found = findings(deployed(settings.model_copy(update=real)))["Google"]
    assert [head.split()[:2] for head in proxy.heads] == [["CONNECT", "oauth2.googleapis.com:443"]]
    assert found.state is FindingState.BROKEN
    assert "HTTPS_PROXY" in str(found.remedy)


def test_the_login_goes_to_google(core: Mailcore, google: GoogleSandbox) -> None:
    """With the deployment's client, and a state of the caller's."""
    link = core.logins.begin(state="of-the-caller")
    address, _, query = link.url.partition("?")
    assert address == google.auth_uri
    asked = parse_qs(query)
    assert asked["client_id"] == [google.client_id]
    assert asked["redirect_uri"] == ["http://localhost:8501/oauth2callback"]
    assert asked["state"] == ["of-the-caller"]


def test_without_a_client_there_is_no_login(bare: Settings, deployed: Deployed) -> None:
    """The program refuses to start openly instead."""
    core = deployed(bare)
    with pytest.raises(ConfigurationError, match="No OAuth client"):
        core.logins.require_client()


def test_the_pages_secrets_outlast_restarts_and_new_keys(
    settings: Settings, deployed: Deployed, tables: Tables
) -> None:
    """They are random, sealed where keys are set, and the same for all who ask at once."""
    first = deployed(settings)
    asked = at_once(8, first.page_secrets)
    (secrets,) = {each.start_token for each in asked if isinstance(each, PageSecrets)}
    assert len(asked) == 8
    keys = (SecretStr(Fernet.generate_key().decode()),)
    sealing = deployed(settings.model_copy(update={"encryption_keys": keys}))
    assert sealing.page_secrets().start_token == secrets
    assert sealing.rotate_keys() == 1
    ((stored,),) = tables("SELECT page_key FROM deployment")
    assert str(stored).startswith("sealed ")
    assert sealing.page_secrets().start_token == secrets
