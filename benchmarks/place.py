"""What a contender is given: where to send, as whom, and what."""

import base64
import json
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path
from typing import Protocol, Self

SENDER = "alerts@example.com"
SCOPE = "https://www.googleapis.com/auth/gmail.send"
HOUR = 3600


@dataclass(frozen=True, slots=True)
class Place:
    """Where contenders work.

    Attributes:
        gmail: the stand-in's address.
        database_url: pal-e-mail's Postgres.
        folder: where those contenders that keep tokens in files find them.
        timeout: seconds to wait for an answer, where the contender lets one say.
        token_seconds: what is left of the access token; below zero it must be renewed.
    """

    gmail: str
    database_url: str
    folder: str
    timeout: float = 30.0
    token_seconds: int = HOUR

    @property
    def token_uri(self) -> str:
        return f"{self.gmail}/token"

    @property
    def send_uri(self) -> str:
        return f"{self.gmail}/gmail/v1/users/me/messages/send"

    @property
    def token_expires_at(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.token_seconds)

    def to_json(self) -> str:
        """Return a form for another process."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        return cls(**json.loads(text))


@dataclass(frozen=True, slots=True)
class Mail:
    """What is sent: a text, with or without a file."""

    text: str
    attachment: Path | None = None
    to: str = "ops@example.com"
    subject: str = "Disk is full on db-3"


class Contender(Protocol):
    """One way to send mail through Gmail, set up as its documentation says."""

    def __init__(self, place: Place) -> None: ...

    def send(self, mail: Mail) -> None:
        """Send, from any thread."""


def stdlib_raw(mail: Mail) -> str:
    """Compose with the standard library, as Google's guide to sending does.

    https://developers.google.com/workspace/gmail/api/guides/sending
    """
    message = EmailMessage()
    message["From"] = SENDER
    message["To"] = mail.to
    message["Subject"] = mail.subject
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain="example.com")
    message.set_content(mail.text)
    if mail.attachment is not None:
        message.add_attachment(
            mail.attachment.read_bytes(),
            maintype="application",
            subtype="octet-stream",
            filename=mail.attachment.name,
        )
    return base64.urlsafe_b64encode(message.as_bytes()).decode("ascii")


def write_token_files(place: Place) -> None:
    """Write what contenders that keep their tokens in files read."""
    folder = Path(place.folder)
    client = {
        "client_id": "benchmark",
        "client_secret": "made-up",
        "token_uri": place.token_uri,
        "auth_uri": f"{place.gmail}/auth",
        "redirect_uris": ["http://localhost"],
    }
    (folder / "credentials.json").write_text(json.dumps({"installed": client}))
    gmail_sdk = {
        "access_token": "made-up",
        "refresh_token": "made-up",
        "expires_at": time.time() + place.token_seconds,
        "scope": SCOPE,
        "token_type": "Bearer",
    }
    (folder / "gmail-alerts.json").write_text(json.dumps(gmail_sdk))
    oauth2client = {
        "_class": "OAuth2Credentials",
        "_module": "oauth2client.client",
        "access_token": "made-up",
        "client_id": "benchmark",
        "client_secret": "made-up",
        "refresh_token": "made-up",
        "token_expiry": place.token_expires_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "token_uri": place.token_uri,
        "user_agent": None,
        "revoke_uri": None,
        "id_token": None,
        "token_response": None,
        "scopes": ["https://mail.google.com/"],
        "token_info_uri": None,
        "invalid": False,
    }
    (folder / "token.json").write_text(json.dumps(oauth2client))
