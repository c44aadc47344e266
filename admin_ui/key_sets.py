"""The public keys with which a proxy's signatures are checked (RFC 7517, JWK Set)."""

import json
import time
from collections.abc import Callable
from threading import Lock
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from mailcore import NotAdmitted

#: Seconds between two fetches: made-up key ids must not become requests.
_PAUSE = 60.0
#: Seconds after which keys are fetched again, so that one that was withdrawn is forgotten; and
#: for how long they are used where they cannot be.
_FRESH = 3600.0
_USABLE = 24 * 3600.0


class PublishedKeys:
    """A published key set, kept, and fetched again when a key is not in it.

    Args:
        fetch: returns it as it is published, or raises `NotAdmitted`.
    """

    def __init__(self, fetch: Callable[[], bytes]) -> None:
        self._fetch = fetch
        self._lock = Lock()
        self._keys: KeySet | None = None
        self._fetched_at = self._tried_at = float("-inf")
        self._failure = NotAdmitted("The proxy's keys have not been fetched yet.")

    def holding(self, key_id: str | None) -> KeySet:
        """Return the key set, which has the key with that id if it was published.

        Raises:
            NotAdmitted: it cannot be fetched, and none is kept.
        """
        with self._lock:
            if self._is_due(key_id):
                self._refresh()
            if self._keys is None or time.monotonic() - self._fetched_at > _USABLE:
                raise self._failure
            return self._keys

    def _is_due(self, key_id: str | None) -> bool:
        at = time.monotonic()
        if at - self._tried_at < _PAUSE:
            return False
        stale = self._keys is None or at - self._fetched_at > _FRESH
        return stale or not any(key.kid == key_id for key in self._keys or ())

    def _refresh(self) -> None:
        """Fetch the keys; where that fails, those that are kept may still do."""
        self._tried_at = time.monotonic()
        try:
            document: Any = json.loads(self._fetch())
            self._keys = KeySet.import_key_set({"keys": document["keys"]})
        except NotAdmitted as exc:
            self._failure = exc
        except (JoseError, ValueError, KeyError, TypeError):
            self._failure = NotAdmitted(
                "What PALEMAIL_SIGNED_USER_KEYS_URL returns is not a key set.",
                remedy="Set it to the address of the proxy's JWK Set.",
            )
        else:
            self._fetched_at = self._tried_at
