"""Secrets at rest: sealed when keys are set, plain when the deployment sets none.

AES-256-GCM (NIST SP 800-38D). The place of a value, which is its row and its column, is its
associated data (RFC 5116, section 2.1): copied to another place, it does not open. The keys in
the settings are Fernet keys, as the first version sealed with Fernet; those that seal now are
derived from them (HKDF, RFC 5869).
"""

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pydantic import SecretStr

from mailcore.errors import ConfigurationError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

#: No plain value begins like this: JSON, a PKCE verifier or a message (RFC 5322, section 2.2).
_SEALED = b"sealed "
_UNBOUND = b"fernet:"
_ID_BYTES = 4
_NONCE_BYTES = 12

_REPLACE = (
    "Then re-authorise the sender, store the OAuth client again, or discard the message, "
    "whichever applies."
)


class Vault:
    """Seals with the first key, opens with any of them.

    Args:
        keys: Fernet keys, newest first; none leaves secrets as they are.
        all_sealed: says whether rotation has sealed everything. From then on nothing else is
            opened. Asked only where keys are set and a value is not sealed for its place.
    """

    def __init__(self, keys: Sequence[SecretStr], all_sealed: Callable[[], bool]) -> None:
        self._keys = tuple(key.get_secret_value() for key in keys)
        self._ciphers = dict(map(_cipher, self._keys))
        self._all_sealed = all_sealed
        self._knows_all_sealed = False

    @property
    def seals(self) -> bool:
        """Keys are set."""
        return bool(self._ciphers)

    @property
    def newest(self) -> bytes:
        """How everything begins that the first key has sealed, as text or as bytes."""
        return _SEALED + next(iter(self._ciphers)) + b" "

    def seal(self, secret: str, place: str) -> str:
        """Return what may be stored, in the given place only."""
        if not self.seals:
            return secret
        sealed = self.seal_bytes(secret.encode(), place)
        head = len(self.newest)
        return (sealed[:head] + urlsafe_b64encode(sealed[head:])).decode()

    def seal_bytes(self, secret: bytes, place: str) -> bytes:
        """Do the same with bytes; where no keys are set, they are returned as they are."""
        if not self.seals:
            return secret
        nonce = os.urandom(_NONCE_BYTES)
        cipher = next(iter(self._ciphers.values()))
        return b"".join((self.newest, nonce, cipher.encrypt(nonce, secret, place.encode())))

    def open(self, stored: str, place: str) -> str:
        """Return the secret that was sealed for that place.

        What is plain, or was sealed by a version that did not bind it, passes until rotation
        has sealed everything.

        Raises:
            ConfigurationError: no key that is set opens it, it was sealed for another place, or
                it is not sealed though everything is.
            DatabaseUnavailable: Postgres had to be asked, and cannot be reached.
        """
        raw = stored.encode()
        if not raw.startswith(_SEALED):
            return self._open_unbound(raw, place).decode()
        head = len(_SEALED) + 2 * _ID_BYTES + 1
        return self._decrypt(raw[:head] + urlsafe_b64decode(raw[head:]), place).decode()

    def open_bytes(self, stored: bytes, place: str) -> bytes:
        """Do the same with bytes."""
        if not stored.startswith(_SEALED):
            return self._open_unbound(stored, place)
        return self._decrypt(stored, place)

    def _decrypt(self, stored: bytes, place: str) -> bytes:
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - where keys are set

        _, key_id, sealed = stored.split(b" ", 2)
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise self._no_key()
        try:
            return cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], place.encode())
        except InvalidTag as exc:
            raise ConfigurationError(
                f"What is stored in the database at {place!r} was sealed for another place, or has "
                "been changed since. It is not used.",
                remedy=f"Find out who wrote it. {_REPLACE}",
            ) from exc

    def _open_unbound(self, stored: bytes, place: str) -> bytes:
        # What this process has seen once, nobody can unset for it.
        self._knows_all_sealed = self._knows_all_sealed or (self.seals and self._all_sealed())
        if self._knows_all_sealed:
            raise ConfigurationError(
                f"What is stored in the database at {place!r} is not sealed, although `pal-e-mail "
                "rotate-keys` has sealed everything. It is not used.",
                remedy="It was stored by a process without PALEMAIL_ENCRYPTION_KEYS, or by "
                f"someone who has no key. {_REPLACE}",
            )
        return self._open_fernet(stored) if stored.startswith(_UNBOUND) else stored

    def _open_fernet(self, stored: bytes) -> bytes:
        from cryptography.fernet import Fernet, InvalidToken, MultiFernet  # noqa: PLC0415 - as above

        if not self.seals:
            raise self._no_key()
        try:
            fernet = MultiFernet([Fernet(key) for key in self._keys])
            return fernet.decrypt(stored.removeprefix(_UNBOUND))
        except InvalidToken as exc:
            raise self._no_key() from exc

    def _no_key(self) -> ConfigurationError:
        if not self.seals:
            return ConfigurationError(
                "The stored secrets are encrypted, and PALEMAIL_ENCRYPTION_KEYS is not set.",
                remedy="Set the keys that they were encrypted with.",
            )
        return ConfigurationError(
            "None of PALEMAIL_ENCRYPTION_KEYS opens the stored secrets.",
            remedy="Add the key that they were encrypted with. The first key encrypts; the "
            "others only decrypt.",
        )


def new_encryption_key() -> str:
    """Return a new key for PALEMAIL_ENCRYPTION_KEYS."""
    return urlsafe_b64encode(os.urandom(32)).decode()


def _cipher(key: str) -> "tuple[bytes, AESGCM]":
    """Derive a key's name, which tells nothing of it, and its cipher."""
    # Loaded where keys are set: most jobs have none.
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415

    derive = HKDF(SHA256(), _ID_BYTES + 32, salt=None, info=b"pal-e-mail: sealed columns")
    derived = derive.derive(urlsafe_b64decode(key))
    return derived[:_ID_BYTES].hex().encode(), AESGCM(derived[_ID_BYTES:])
