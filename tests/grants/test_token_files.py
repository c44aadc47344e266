"""gmail-sdk's token files: where the database knows no grant, they do, and are never written."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mailcore import (
    ConfigurationError,
    DatabaseUnavailable,
    Mailcore,
    ReauthRequired,
    SenderNotFound,
    SenderStatus,
    Settings,
)
from mailcore.sandbox import GoogleSandbox
from tests.support.authorise import ACCOUNT, authorise, come_back, query
from tests.support.driving import Tables, at_once


class SecretsDir:
    """A directory as gmail-sdk leaves it."""

    def __init__(self, path: Path, google: GoogleSandbox) -> None:
        path.mkdir(parents=True)
        self.path = path
        self._google = google
        self.credentials("installed")

    def credentials(self, kind: str) -> None:
        [client] = json.loads(self._google.credentials_json).values()
        (self.path / "credentials.json").write_text(json.dumps({kind: client}))

    def write(self, name: str, document: object) -> Path:
        path = self.path / f"gmail-{name}.json"
        path.write_text(document if isinstance(document, str) else json.dumps(document))
        return path

    def token(self, account: str = ACCOUNT, *, lasts: float = 3599) -> dict[str, Any]:
        """What gmail-sdk writes after a consent."""
        issued = self._google.issue_grant(account)
        return {
            "access_token": issued["access_token"],
            "refresh_token": issued["refresh_token"],
            "expires_at": datetime.now(UTC).timestamp() + lasts,
            "scope": issued["scope"],
            "token_type": "Bearer",
        }

    def authorized_user(self, account: str = ACCOUNT) -> dict[str, Any]:
        """What google-auth's `Credentials.to_json` writes, with an access token that ran out."""
        issued = self._google.issue_grant(account)
        return {
            "token": issued["access_token"],
            "refresh_token": issued["refresh_token"],
            "token_uri": "https://oauth2.googleapis.com/token",
            "client_id": self._google.client_id,
            "client_secret": self._google.client_secret,
            "scopes": issued["scope"].split(),
            "expiry": (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        }


@pytest.fixture
def secrets(settings: Settings, google: GoogleSandbox) -> SecretsDir:
    return SecretsDir(settings.gmail_secrets_dir, google)


def send(core: Mailcore, alias: str = "alerts") -> None:
    core.send_email(alias, to="ops@example.com", subject="s", text="t")


@pytest.mark.parametrize("kind", ["web", "installed"])
def test_a_file_of_gmail_sdk_sends(
    core: Mailcore, google: GoogleSandbox, secrets: SecretsDir, kind: str
) -> None:
    """A job moves from gmail-sdk to mailcore with nothing to set up but the database."""
    secrets.credentials(kind)
    secrets.write("alerts", secrets.token())

    send(core)

    assert len(google.outbox) == 1
    assert google.requests.refreshes() == 0  # the access token in it was still good
    sender = core.senders.get("alerts")
    assert sender.status is SenderStatus.HEALTHY
    assert sender.generation == 1
    assert core.senders.events("alerts")[0].what == "imported"


def test_what_is_read_from_a_file_is_refreshed_into_the_database(
    core: Mailcore, google: GoogleSandbox, secrets: SecretsDir
) -> None:
    """An hour-old file works, is never written, and is not needed any more afterwards."""
    path = secrets.write("alerts", secrets.token(lasts=-60))
    before = (path.read_bytes(), path.stat().st_mtime_ns, sorted(secrets.path.iterdir()))

    token = core.access_token("alerts")

    assert google.requests.refreshes() == 1
    after = (path.read_bytes(), path.stat().st_mtime_ns, sorted(secrets.path.iterdir()))
    assert after == before
    path.unlink()
    assert core.access_token("alerts") == token
    assert core.check("alerts").status is SenderStatus.HEALTHY


def test_google_auths_own_format_is_taken_too(
    core: Mailcore, google: GoogleSandbox, secrets: SecretsDir
) -> None:
    """It brings its own client, so nothing need lie beside it."""
    (secrets.path / "credentials.json").unlink()
    secrets.write("alerts", secrets.authorized_user())
    send(core)
    assert google.requests.refreshes() == 1


def test_a_files_client_only_refreshes_its_grant(
    core: Mailcore, google: GoogleSandbox, secrets: SecretsDir
) -> None:
    """A re-auth goes through the deployment's client: a desktop client has no https callback."""
    of_file = google.register_client()
    issued = secrets.authorized_user()
    secrets.write(
        "alerts", {**issued, "client_id": of_file.client_id, "client_secret": of_file.client_secret}
    )
    with pytest.raises(ReauthRequired):
        send(core)  # refreshed with the file's client, whose grant it is not here
    sender = core.senders.get("alerts")
    assert not sender.has_own_client
    assert sender.grant_issued_at is not None
    assert query(core.authorizations.begin("alerts", by="t").url)["client_id"] == google.client_id
    authorise(core, google)
    core.check("alerts")
    send(core)


@pytest.mark.parametrize("name", ["alerts", ACCOUNT, "robot"])
def test_a_registered_sender_finds_its_file(
    core: Mailcore, google: GoogleSandbox, secrets: SecretsDir, name: str
) -> None:
    """By its alias, its account, or the part of the account before the @."""
    google.add_account("robot@example.com")
    account = ACCOUNT if name == ACCOUNT else "robot@example.com"
    core.senders.register("alerts", gmail_account=account, by="t")
    secrets.write(name, secrets.token(account))
    send(core)
    assert google.outbox[0].account == account
    assert core.senders.get("alerts").gmail_account == account


def test_a_file_of_two_possible_senders_is_nobodys(
    core: Mailcore, google: GoogleSandbox, secrets: SecretsDir
) -> None:
    """Nobody sends from another's mailbox, because their addresses begin alike."""
    core.senders.register("dev", gmail_account="team@dev.example", by="t")
    core.senders.register("prod", gmail_account="team@prod.example", by="t")
    secrets.write("team", secrets.token())
    for alias in ("dev", "prod"):
        with pytest.raises(ReauthRequired):
            core.access_token(alias)


def test_the_databases_token_wins_over_a_files(
    core: Mailcore, google: GoogleSandbox, secrets: SecretsDir, authorised: str
) -> None:
    """A file for the same sender changes nothing, not even when the grant is refused."""
    theirs = secrets.token("billing@example.com")
    secrets.write("alerts", theirs)
    send(core)
    assert google.outbox[0].account == ACCOUNT
    google.revoke_grant(ACCOUNT)
    with pytest.raises(ReauthRequired):
        send(core)
    assert core.senders.get(authorised).status is SenderStatus.EXPIRED


def test_an_unreachable_database_is_no_reason_to_use_a_file(
    settings: Settings, google: GoogleSandbox, secrets: SecretsDir
) -> None:
    """Empty and unreachable differ: nothing is sent, the caller hears why."""
    secrets.write("alerts", secrets.token())
    core = Mailcore(settings.model_copy(update={"database_url": _nowhere()}))
    with pytest.raises(DatabaseUnavailable):
        send(core)
    assert google.requests.sends() == 0


def _nowhere() -> object:
    return Settings(database_url="postgresql://nobody@127.0.0.1:9/none").database_url


def test_a_database_without_tables_is_no_reason_either(
    settings: Settings, google: GoogleSandbox, secrets: SecretsDir, empty_database_url: str
) -> None:
    """Who forgot to migrate hears of that."""
    secrets.write("alerts", secrets.token())
    url = Settings(database_url=empty_database_url).database_url
    core = Mailcore(settings.model_copy(update={"database_url": url}))
    with pytest.raises(ConfigurationError, match="migrate"):
        send(core)
    assert google.requests.sends() == 0
    core.close()


def test_a_deleted_sender_does_not_come_back_from_its_file(
    core: Mailcore, google: GoogleSandbox, secrets: SecretsDir
) -> None:
    """Neither by itself, nor when it is registered again: it is authorised anew."""
    secrets.write("alerts", secrets.token())
    send(core)
    core.senders.delete("alerts", by="t")

    with pytest.raises(SenderNotFound, match="was deleted on"):
        send(core)
    assert core.senders.page().matching == 0
    core.senders.register("alerts", by="t")
    with pytest.raises(ReauthRequired):
        send(core)

    authorise(core, google)
    send(core)
    assert google.requests.sends() == 2


def test_a_crowd_takes_a_file_over_once(
    core: Mailcore, google: GoogleSandbox, secrets: SecretsDir
) -> None:
    """The first sends of 16 threads: one sender, one refresh, no error."""
    secrets.write("alerts", secrets.token(lasts=-60))

    got = at_once(16, lambda: core.access_token("alerts"))

    assert {type(each) for each in got} == {str}
    assert len(set(got)) == 1
    assert google.requests.refreshes() == 1
    assert core.senders.get("alerts").generation == 1


def test_a_crowd_takes_a_registered_senders_file_over_once(
    core: Mailcore, secrets: SecretsDir
) -> None:
    """Nor is a grant that was just renewed overwritten by the file's."""
    core.senders.register("alerts", by="t")
    secrets.write("alerts", secrets.token())
    at_once(16, lambda: core.access_token("alerts"))
    assert core.senders.get("alerts").generation == 1


BAD = {
    "no JSON": "{",
    "no object": [1, 2],
    "no text": '"\\ud800',
    "no refresh token": {"access_token": "ya29.secret-of-the-file", "expires_at": 1},
    "a time that is none": {"refresh_token": "1//secret-of-the-file", "expires_at": "soon"},
    "a time beyond all": {"refresh_token": "1//secret-of-the-file", "expires_at": 1e300},
    "scopes that are none": {"refresh_token": "1//secret-of-the-file", "scope": 7},
    "an expiry that is none": {"refresh_token": "1//secret-of-the-file", "expiry": "soon"},
}


@pytest.mark.parametrize("document", BAD.values(), ids=BAD)
def test_a_bad_file_is_named(core: Mailcore, secrets: SecretsDir, document: object) -> None:
    """The error names the file and what to do, shows none of its secrets, and stores nothing."""
    path = secrets.write("alerts", document)
    with pytest.raises(ConfigurationError, match="Authorise the sender instead") as caught:
        core.access_token("alerts")
    assert str(path) in str(caught.value)
    assert "secret-of-the-file" not in str(caught.value)
    assert core.senders.page().matching == 0


@pytest.mark.parametrize(
    "credentials",
    [None, "{", "[]", '{"web": {}}', '{"web": {"client_id": null, "client_secret": null}}'],
)
def test_a_file_without_its_client_is_named(
    core: Mailcore, secrets: SecretsDir, credentials: str | None
) -> None:
    """gmail-sdk's files need credentials.json beside them."""
    secrets.write("alerts", secrets.token())
    beside = secrets.path / "credentials.json"
    beside.unlink()
    if credentials is not None:
        beside.write_text(credentials)
    with pytest.raises(ConfigurationError, match=r"credentials\.json"):
        core.access_token("alerts")


def test_an_account_too_long_for_a_file_name_has_no_file(
    core: Mailcore, secrets: SecretsDir
) -> None:
    """The sender is simply not authorised yet."""
    account = f"{'a' * 59}@{'.'.join(['b' * 60] * 3)}.example.com"
    core.senders.register("alerts", gmail_account=account, by="t")
    with pytest.raises(ReauthRequired):
        core.access_token("alerts")


def test_a_file_named_like_an_address_of_the_program_is_no_sender(
    core: Mailcore, secrets: SecretsDir
) -> None:
    """`/senders/callback` would not be reachable otherwise."""
    secrets.write("callback", secrets.token())
    with pytest.raises(SenderNotFound):
        core.access_token("callback")
    assert core.senders.page().matching == 0


def test_a_sender_from_a_file_can_be_reauthorised(
    core: Mailcore, google: GoogleSandbox, secrets: SecretsDir
) -> None:
    """Its client goes with it, and the account that consents is adopted."""
    secrets.write("alerts", secrets.token())
    core.access_token("alerts")
    assert core.senders.get("alerts").gmail_account is None

    done = come_back(core, google.consent(core.authorizations.begin("alerts", by="t").url, ACCOUNT))

    assert done.sender.gmail_account == ACCOUNT
    assert done.sender.generation == 2


# The import


def test_a_whole_directory_is_imported(
    core: Mailcore, google: GoogleSandbox, secrets: SecretsDir
) -> None:
    """Each file becomes a sender that sends, and each gets a line that says so."""
    secrets.write("alerts", secrets.token())
    secrets.write("billing@example.com", secrets.authorized_user("billing@example.com"))
    secrets.write("broken", "{")
    secrets.write("callback", secrets.token("reports@example.com"))

    lines = core.import_tokens(secrets.path, by="ann@example.com")

    assert [(line.file, line.alias, line.outcome) for line in lines] == [
        ("gmail-alerts.json", "alerts", "imported"),
        ("gmail-billing@example.com.json", "billing-example.com", "imported"),
        ("gmail-broken.json", None, "unreadable"),
        ("gmail-callback.json", "callback", "skipped"),
    ]
    send(core, "billing-example.com")
    assert google.outbox[0].account == "billing@example.com"
    assert core.senders.get("billing-example.com").gmail_account == "billing@example.com"
    assert core.senders.events("alerts")[0].who == "ann@example.com"


def test_the_import_finds_who_was_registered_for_the_account(
    core: Mailcore, google: GoogleSandbox, secrets: SecretsDir
) -> None:
    """A sender that waits for its grant under another name gets it; there is no second one."""
    core.senders.register("billing", gmail_account="Billing@example.com", by="t")
    secrets.write("billing@example.com", secrets.authorized_user("billing@example.com"))
    [line] = core.import_tokens(secrets.path, by="t")
    assert (line.alias, line.outcome) == ("billing", "imported")
    send(core, "billing")
    assert core.senders.page().matching == 1


def test_the_import_and_a_crowd_of_jobs_take_a_file_over_once(
    core: Mailcore, secrets: SecretsDir
) -> None:
    """Whoever comes second finds it done: no error, no second sender, no second grant."""
    secrets.write("alerts", secrets.token())
    got = at_once(
        16, lambda: (core.import_tokens(secrets.path, by="t"), core.access_token("alerts"))
    )
    assert {type(each) for each in got} == {tuple}
    assert core.senders.get("alerts").generation == 1


def test_a_dry_run_changes_nothing(core: Mailcore, secrets: SecretsDir, tables: Tables) -> None:
    """It says what would happen."""
    secrets.write("alerts", secrets.token())
    [line] = core.import_tokens(secrets.path, dry_run=True, by="t")
    assert (line.alias, line.outcome) == ("alerts", "would import")
    assert tables("SELECT * FROM sender") == []
    assert tables("SELECT * FROM sender_event") == []


def test_importing_twice_overwrites_nothing(
    core: Mailcore, google: GoogleSandbox, secrets: SecretsDir, authorised: str
) -> None:
    """A sender that has a grant keeps it."""
    secrets.write(authorised, secrets.token("billing@example.com"))
    [line] = core.import_tokens(secrets.path, by="t")
    assert line.outcome == "skipped"
    assert "already" in line.detail
    send(core)
    assert google.outbox[0].account == ACCOUNT


def test_the_import_brings_no_deleted_sender_back(core: Mailcore, secrets: SecretsDir) -> None:
    """Only registering it again does, and then the import works."""
    secrets.write("alerts", secrets.token())
    core.import_tokens(secrets.path, by="t")
    core.senders.delete("alerts", by="t")

    [line] = core.import_tokens(secrets.path, by="t")
    assert line.outcome == "skipped"
    assert "senders add alerts" in line.detail

    core.senders.register("alerts", by="t")
    [line] = core.import_tokens(secrets.path, by="t")
    assert line.outcome == "imported"
    assert core.access_token("alerts")


def test_importing_from_nowhere_is_told(core: Mailcore, tmp_path: Path) -> None:
    """A directory that does not exist is a mistake, not an empty import."""
    with pytest.raises(ConfigurationError, match="not a directory"):
        core.import_tokens(tmp_path / "nowhere", by="t")
