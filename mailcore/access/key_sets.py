"""The public keys with which a proxy's signatures are checked (RFC 7517, JWK Set)."""

import json
import threading
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from mailcore.clock import Deadline, elapsed
from mailcore.errors import NotAdmitted
from mailcore.google.failures import GoogleFailure
from mailcore.google.transport import Transport

#: Seconds that fetching may take.
_TIMEOUT = 5.0
#: Seconds between two fetches: made-up key ids must not become requests.
_PAUSE = 60.0
#: Seconds after which keys are fetched again, so that one that was withdrawn is forgotten; and
#: for how long they are used where they cannot be.
_FRESH = 3600.0
_USABLE = 24 * 3600.0


class PublishedKeys:
    """The key set at an address, kept, and fetched again when a key is not in it.

    Args:
        url: where it is published.
        transport: fetches it.
    """

    def __init__(self, url: str, transport: Transport) -> None:
        self._url = url
        self._transport = transport
        self._lock = threading.Lock()
        self._keys: KeySet | None = None
        self._fetched_at = self._tried_at = float("-inf")

    def holding(self, key_id: str | None) -> KeySet:
        """Return the key set, which has the key with that id if it was published.

        Raises:
            NotAdmitted: it cannot be fetched, and none is kept.
        """
        with self._lock:
            if self._is_due(key_id):
                self._fetch()
            if self._keys is None or elapsed() - self._fetched_at > _USABLE:
                raise NotAdmitted(
                    f"The keys at {self._url} cannot be fetched, so nobody can be let in.",
                    remedy="Check PALEMAIL_SIGNED_USER_KEYS_URL, and that this machine can reach "
                    "it. It is tried again once a minute.",
                )
            return self._keys

    def _is_due(self, key_id: str | None) -> bool:
        if elapsed() - self._tried_at < _PAUSE:
            return False
        stale = self._keys is None or elapsed() - self._fetched_at > _FRESH
        return stale or not any(key.kid == key_id for key in self._keys or ())

    def _fetch(self) -> None:
        self._tried_at = elapsed()
        try:
            answer = self._transport.get(self._url, deadline=Deadline(_TIMEOUT))
            document: Any = json.loads(answer.body)
            self._keys = KeySet.import_key_set({"keys": document["keys"]})
        except (GoogleFailure, JoseError, ValueError, KeyError, TypeError):
            return  # those that are kept may still do; if not, the caller says so
        self._fetched_at = elapsed()
