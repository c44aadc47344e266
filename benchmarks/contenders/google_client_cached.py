"""google-api-python-client with its service built once: per thread, as httplib2 asks for."""

import threading

from benchmarks.contenders import google_client_built
from benchmarks.place import Mail, Place


class Contender(google_client_built.Contender):
    """`build()` once a thread."""

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._own = threading.local()

    def send(self, mail: Mail) -> None:
        if not hasattr(self._own, "service"):
            self._own.service = self._service()
        self._send(self._own.service, mail)
