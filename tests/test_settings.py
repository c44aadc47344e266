"""What an operator reads who got a setting wrong, and what the program makes of right ones."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore import SETTING_EXAMPLES, ConfigurationError, Settings
from mailcore.settings import variable_name

SECRET = "hunter2-is-not-to-be-seen"
LONG = f"{SECRET}-{SECRET}"
KEY = "A" * 43 + "="

WRONG = {
    "DATABASE_URL": [
        f"mysql://u:{SECRET}@db/x",
        f"{SECRET}",
        f"postgresql:/{SECRET}",
        f"postgresql://u:a@{SECRET}@db/x",
        f"postgresql://u:{SECRET}@db/x?no_such_option=1",
        f"postgresql://u:{SECRET}@[::1/x",
    ],
    "PALEMAIL_PUBLIC_URL": [
        "localhost:8501",
        "ftp://example.com",
        "https://",
        "https://example.com/?x=1",
        "https://example.com/#x",
        "http://[::1",
    ],
    "PALEMAIL_API_KEYS": [
        f"ci:{SECRET}",
        f"ci:{LONG},ci:{LONG}2",
        f":{LONG}",
        "ci:",
        f"{LONG},{LONG}",
        f"ci/write:{LONG}",
        f"ci/read/no such alias:{LONG}",
    ],
    "PALEMAIL_ADMIN_EMAILS": [",", " , "],
    "PALEMAIL_ENCRYPTION_KEYS": [SECRET, f"{KEY},{SECRET}", "ü", ","],
    "PALEMAIL_GRANT_DAYS": ["0", "-1", "seven", "nan", "inf", "1e9"],
    "PALEMAIL_GOOGLE_AUTH_URI": ["http://accounts.example.com/auth", "accounts.google.com"],
    "PALEMAIL_GOOGLE_REVOKE_URI": ["http://oauth2.example.com/revoke", "file:///etc/passwd"],
    "PALEMAIL_GOOGLE_TOKEN_URI": ["http://oauth2.example.com/token", "file:///etc/passwd"],
    "PALEMAIL_GMAIL_API_ENDPOINT": ["http://10.0.0.1:8080/", "https://x.example/?key=1"],
}


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, vs in WRONG.items() for v in vs])
def test_a_wrong_setting_names_itself_and_an_example(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line says which variable, what is wrong with it, and how a right one looks."""
    monkeypatch.setenv(name, value)

    with pytest.raises(ConfigurationError) as caught:
        Settings()

    text = str(caught.value)
    assert text.startswith(f"{name}: ")
    assert SETTING_EXAMPLES[name] in text
    assert SECRET not in text
    # Not in the traceback either, which prints what an error was raised from.
    assert caught.value.__suppress_context__
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("name", ["GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET"])
def test_half_a_client_is_no_client(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An id without its secret is found at the start, not by the first person who consents."""
    monkeypatch.setenv(name, SECRET)

    with pytest.raises(ConfigurationError, match="both be set") as caught:
        Settings()

    assert SECRET not in str(caught.value)


def test_several_wrong_settings_are_told_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has to restart once for each mistake."""
    monkeypatch.setenv("PALEMAIL_GRANT_DAYS", "x")
    monkeypatch.setenv("PALEMAIL_PUBLIC_URL", "x")

    with pytest.raises(ConfigurationError) as caught:
        Settings()

    assert [line.partition(":")[0] for line in str(caught.value).splitlines()] == [
        "PALEMAIL_PUBLIC_URL",
        "PALEMAIL_GRANT_DAYS",
    ]


def test_a_misspelt_argument_is_refused() -> None:
    """A program that sets what does not exist hears of it."""
    with pytest.raises(ConfigurationError, match="grant_day"):
        Settings(grant_day=7)


def test_an_empty_variable_is_an_unset_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compose files write `NAME=` for what is not set."""
    for name in SETTING_EXAMPLES:
        monkeypatch.setenv(name, "")

    assert Settings() == Settings.model_construct()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://app:pw@palemail-rw.default:5432/app",  # as CloudNativePG writes it
        "postgres://app:pw@db/app",
        "postgresql+psycopg://app:pw@db/app",
        "postgresql://app:p%40ss@db/app?sslmode=verify-full&connect_timeout=3",
        "postgresql:///app?host=/run/postgresql",
        "postgresql://app@one:5432,two:5433/app?target_session_attrs=read-write",
        "postgresql://[::1]:5432/app",
    ],
)
def test_every_usual_form_of_a_database_url_is_taken(url: str) -> None:
    """What an operator, a cloud or CloudNativePG hands over works as it is."""
    database_url = Settings(database_url=url).database_url
    assert database_url is not None
    assert database_url.get_secret_value() == url


@pytest.mark.parametrize(
    "address", ["http://localhost:8080/token", "http://127.0.0.1/t", "http://[::1]:1/t"]
)
def test_plain_http_is_fine_on_this_machine(address: str) -> None:
    """A stand-in for Google may run without TLS on loopback."""
    assert Settings(google_token_uri=address).google_token_uri == address


@pytest.mark.parametrize("base", ["https://mail.example.com", "https://mail.example.com/"])
def test_the_redirect_uri_has_no_double_slash(base: str) -> None:
    """Google compares it to the letter with what its console lists."""
    redirect_uri = Settings(public_url=base).redirect_uri
    assert redirect_uri == "https://mail.example.com/senders/callback"


def test_no_secret_shows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither printing the settings nor the Setup page tells a secret."""
    secrets = {
        "DATABASE_URL": f"postgresql://u:{SECRET}@db/x",
        "GOOGLE_CLIENT_SECRET": SECRET,
        "PALEMAIL_API_KEYS": f"ci:{LONG}",
        "PALEMAIL_ENCRYPTION_KEYS": KEY,
        "PALEMAIL_ALERT_URLS": f"mailto://u:{SECRET}@example.com",
    }
    for name, value in {**secrets, "GOOGLE_CLIENT_ID": "1-a.apps.googleusercontent.com"}.items():
        monkeypatch.setenv(name, value)
    settings = Settings()

    for shown in (repr(settings), str(settings), repr(settings.sources())):
        assert SECRET not in shown
        assert KEY not in shown
    for name in secrets:
        value, is_set = settings.sources()[name]
        assert is_set
        assert value in {"••••••", "ci"}


def test_the_setup_page_can_show_every_setting() -> None:
    """Each has its variable's name, a value for display, and an example."""
    assert set(Settings().sources()) == set(SETTING_EXAMPLES)
    assert {variable_name(field) for field in Settings.model_fields} == set(SETTING_EXAMPLES)


WORDS = st.text(
    st.characters(exclude_characters=",:", exclude_categories=["Cs", "Cc", "Z"]), min_size=1
)


@given(st.lists(WORDS, max_size=8), st.sampled_from([",", ", ", " ,\n", ",,"]))
def test_lists_are_read_with_or_without_spaces(words: list[str], comma: str) -> None:
    """Blanks, line ends and a comma too many are no matter."""
    assert Settings(admin_emails=comma.join(words)).admin_emails == tuple(words)
    assert Settings(admin_emails=comma.join([*words, ""])).admin_emails == tuple(words)


@given(st.text())
def test_whatever_is_typed_is_taken_or_refused_by_name(text: str) -> None:
    """Nothing ends in a traceback of another kind, and no value is in the error."""
    for field in ("api_keys", "encryption_keys", "admin_emails", "alert_urls", "database_url"):
        assert _fault(field, text).startswith((variable_name(field), "none"))


def _fault(field: str, text: str) -> str:
    try:
        Settings(**{field: text})
    except ConfigurationError as exc:
        return str(exc)
    return "none"
