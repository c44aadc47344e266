"""Nothing but what must be: compose as Google's guide does, POST with urllib3, record nothing."""

import urllib3

from benchmarks.place import Mail, Place, stdlib_raw


class Contender:
    """One pool of connections, shared by all threads."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._pool = urllib3.PoolManager(maxsize=64)

    def send(self, mail: Mail) -> None:
        answer = self._pool.request(
            "POST",
            self._place.send_uri,
            json={"raw": self.compose(mail)},
            headers={"Authorization": "Bearer made-up"},
            timeout=self._place.timeout,
        )
        if answer.status != 200:
            raise RuntimeError(f"HTTP {answer.status}")
        answer.json()

    def compose(self, mail: Mail) -> str:
        return stdlib_raw(mail)
