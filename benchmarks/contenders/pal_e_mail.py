"""pal-e-mail: composing, the grant from Postgres, sending, recording, status."""

from benchmarks.place import Mail, Place
from mailcore import Mailcore, Settings


class Contender:
    """`Mailcore.send_email`, whole."""

    def __init__(self, place: Place) -> None:
        self._timeout = place.timeout
        self.core = Mailcore(
            Settings(
                database_url=place.database_url,
                google_client_id="benchmark",
                google_client_secret="made-up",
                google_token_uri=place.token_uri,
                gmail_api_endpoint=place.gmail,
                gmail_secrets_dir=place.folder,
            )
        )

    def send(self, mail: Mail) -> None:
        self.core.send_email(
            "alerts",
            to=mail.to,
            subject=mail.subject,
            text=mail.text,
            attachments=[mail.attachment] if mail.attachment else [],
            timeout=self._timeout,
        )
