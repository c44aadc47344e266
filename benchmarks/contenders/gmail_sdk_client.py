"""gmail-sdk. Its addresses are constants of its modules, so they are replaced there."""

import httpx
from gmail_sdk import GmailClient, auth, client

from benchmarks.place import SENDER, Mail, Place, stdlib_raw


class Contender:
    """One client, shared by all threads, as httpx allows."""

    def __init__(self, place: Place) -> None:
        client.GMAIL_BASE = f"{place.gmail}/gmail/v1"
        auth.GOOGLE_TOKEN_URL = place.token_uri
        self._client = GmailClient(account="alerts", secrets_dir=place.folder)
        self._client._http.timeout = httpx.Timeout(place.timeout)  # noqa: SLF001 - it lets nobody say

    def send(self, mail: Mail) -> None:
        if mail.attachment is None:
            self._client.send_message(mail.to, mail.subject, mail.text, from_addr=SENDER)
        else:  # it composes no attachments
            self._client.send_raw_message(stdlib_raw(mail))
