"""Errors as values: what handlers read, and what survives the way to another process."""

import pickle
from typing import Any

import pytest

from mailcore import (
    ConfigurationError,
    ConsentDenied,
    InvalidMessage,
    PalEMailError,
    RateLimited,
    ReauthRequired,
    WrongAccount,
)


def test_as_text_an_error_is_its_message_and_its_remedy() -> None:
    """A log line has both; a page can show one and put a button in place of the other."""
    error = ConfigurationError("No OAuth client is set up.", remedy="Upload one.")
    assert str(error) == "No OAuth client is set up. Upload one."
    assert (error.message, error.remedy) == ("No OAuth client is set up.", "Upload one.")
    assert str(ConfigurationError("Nothing to do.")) == "Nothing to do."


@pytest.mark.parametrize(
    ("kind", "evidence"),
    [
        (InvalidMessage, {"field": "to"}),
        (ReauthRequired, {"alias": "alerts", "delivery_id": "1", "admin_url": "https://a.test"}),
        (RateLimited, {"retry_after": 3.5}),
        (ConsentDenied, {"google_error": "access_denied"}),
        (WrongAccount, {"expected": "a@example.com", "actual": "b@example.com"}),
    ],
)
def test_an_error_crosses_processes_with_its_evidence(
    kind: type[PalEMailError], evidence: dict[str, Any]
) -> None:
    """A job in a process pool gets the same error, not a broken pool."""
    error = pickle.loads(pickle.dumps(kind("No.", remedy="Do.", **evidence)))  # noqa: S301
    assert type(error) is kind
    assert str(error) == "No. Do."
    assert {name: getattr(error, name) for name in evidence} == evidence
