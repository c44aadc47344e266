"""google-api-python-client as most examples have it: the service is built where it is used."""

from typing import Any

from googleapiclient.discovery import build

from benchmarks.contenders.google_credentials import credentials
from benchmarks.place import Mail, Place, stdlib_raw


class Contender:
    """`build()` for every send."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._credentials = credentials(place)

    def send(self, mail: Mail) -> None:
        self._send(self._service(), mail)

    def _service(self) -> Any:
        return build(
            "gmail",
            "v1",
            credentials=self._credentials,
            client_options={"api_endpoint": self._place.gmail},
        )

    def _send(self, service: Any, mail: Mail) -> None:
        body = {"raw": stdlib_raw(mail)}
        service.users().messages().send(userId="me", body=body).execute()
