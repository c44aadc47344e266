"""Who may use the JSON API: whoever sends one of the keys (RFC 6750)."""

import hmac
from collections.abc import Mapping
from http import HTTPStatus

from pydantic import SecretStr

from callback.problems import RequestRefused


class Keys:
    """The deployment's API keys.

    Args:
        keys: each key by its label; the label stands in the audit trail.
    """

    def __init__(self, keys: Mapping[str, SecretStr]) -> None:
        self._keys = {label: key.get_secret_value().encode() for label, key in keys.items()}

    def authenticate(self, authorization: str | None) -> str:
        """Return who is asking, as the audit trail names them.

        Args:
            authorization: the request's Authorization header.

        Raises:
            RequestRefused: no key is set up, none was sent, or it is not one of them.
        """
        if not self._keys:
            raise RequestRefused(
                HTTPStatus.FORBIDDEN,
                "no_api_keys",
                "The API is closed: this deployment has no keys. Set PALEMAIL_API_KEYS, for "
                "example to ci:a-long-random-key, and restart it.",
            )
        scheme, _, sent = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not sent.strip():
            raise _unauthorized("Send a key: Authorization: Bearer YOUR-KEY.", "Bearer")
        label = self._label_of(sent.strip().encode("utf-8", "surrogatepass"))
        if label is None:
            raise _unauthorized("This deployment does not know that key.", _INVALID)
        return f"api:{label}"

    def _label_of(self, sent: bytes) -> str | None:
        """Compare with every key, each in constant time, so that timing tells nothing."""
        matching = [label for label, key in self._keys.items() if hmac.compare_digest(key, sent)]
        return matching[0] if matching else None


_INVALID = 'Bearer error="invalid_token"'


def _unauthorized(detail: str, challenge: str) -> RequestRefused:
    return RequestRefused(
        HTTPStatus.UNAUTHORIZED,
        "unauthorized",
        detail,
        headers={"WWW-Authenticate": challenge},
    )
