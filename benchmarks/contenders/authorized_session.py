"""google-auth's session for requests, without Google's API client."""

import threading

from google.auth.transport.requests import AuthorizedSession

from benchmarks.contenders.google_credentials import credentials
from benchmarks.place import Mail, Place, stdlib_raw


class Contender:
    """A session for each thread, as requests promises no more."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._credentials = credentials(place)
        self._own = threading.local()

    def send(self, mail: Mail) -> None:
        if not hasattr(self._own, "session"):
            self._own.session = AuthorizedSession(self._credentials)  # type: ignore[no-untyped-call]
        answer = self._own.session.post(
            self._place.send_uri, json={"raw": stdlib_raw(mail)}, timeout=self._place.timeout
        )
        answer.raise_for_status()
