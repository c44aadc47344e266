"""What importing costs: a job that only sends loads nothing that it does not need."""

import ast
import sys
from pathlib import Path

import pytest

import mailcore
from tests.support.driving import Tables
from tests.support.processes import output, start_script


def loaded_by(statements: str) -> set[str]:
    """The top-level packages, and Google's own parts, that are there afterwards."""
    return set(output(start_script(f"{statements}\nimport sys\nprint(*sys.modules)", {})).split())


@pytest.mark.process
def test_importing_mailcore_is_next_to_nothing() -> None:
    """The heavy libraries come with the first use."""
    loaded = loaded_by("import mailcore; mailcore.__all__; dir(mailcore)")
    heavy = {
        "sqlmodel",
        "sqlalchemy",
        "google",
        "googleapiclient",
        "urllib3",
        "psycopg",
        "pydantic",
    }
    assert not loaded & heavy
    assert not {name for name in loaded if name.startswith("mailcore.")}


@pytest.mark.process
def test_a_job_that_sends_loads_no_face_and_no_consent() -> None:
    """Neither Streamlit nor what only a re-auth needs."""
    loaded = loaded_by("from mailcore import send_email, Mailcore; import mailcore.default")
    assert "mailcore.sending.send_email" in loaded
    unneeded = {
        "alembic",
        "google_auth_oauthlib",
        "mailcore.reauth.authorizations",
        "mailcore.sandbox",
        "prometheus_client",
        "requests",
        "requests_oauthlib",
        "rich",
        "starlette",
        "streamlit",
        "typer",
        "uvicorn",
    }
    assert not loaded & unneeded


@pytest.mark.parametrize("renewal", [False, True], ids=["at once", "after a renewal"])
def test_a_whole_send_loads_nothing_that_it_does_not_need(
    environment: dict[str, str], authorised: str, tables: Tables, *, renewal: bool
) -> None:
    """Not even at the last moment: a cron job pays for it every time."""
    script = """
import sys
import mailcore
mailcore.send_email("alerts", to="ops@example.com", subject="s", text="t")
mailcore.default().close()
print(*sys.modules)
"""
    if renewal:
        tables.make_access_tokens_stale()
    loaded = set(output(start_script(script, environment)).split())
    unneeded = {
        "alembic",
        "cryptography",  # no keys are set
        "dns",
        "google.auth",
        "google.oauth2",
        "google_auth_oauthlib",
        "googleapiclient.discovery",
        "httplib2",
        "pyparsing",
        "requests",
        "rich",
        "sqlalchemy",
        "sqlmodel",
        "starlette",
        "streamlit",
    }
    assert not loaded & unneeded


def names_in_stub() -> list[str]:
    stub = ast.parse(Path(mailcore.__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    return [
        alias.asname or alias.name
        for node in stub.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]


@pytest.mark.parametrize("name", names_in_stub())
def test_every_public_name_is_there(name: str) -> None:
    """What the documentation and the type checker promise can be imported."""
    assert getattr(mailcore, name) is not None
    assert name in mailcore.__all__
    assert name in dir(mailcore)


def test_an_unknown_name_is_an_ordinary_error() -> None:
    """A misspelt import fails at the import."""
    with pytest.raises(AttributeError, match="send_mail"):
        _ = mailcore.send_mail  # type: ignore[attr-defined]
    assert "mailcore" in sys.modules
