"""Secrets at rest: sealed when keys are set, plain text when the deployment sets none."""

from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from pydantic import SecretStr

from mailcore.errors import ConfigurationError

_PREFIX = "fernet:"


class Vault:
    """Seals with the first key, opens with any of them.

    Args:
        keys: Fernet keys, newest first; none leaves secrets as they are.
    """

    def __init__(self, keys: Sequence[SecretStr]) -> None:
        fernets = [Fernet(key.get_secret_value()) for key in keys]
        self._fernet = MultiFernet(fernets) if fernets else None

    @property
    def seals(self) -> bool:
        """Keys are set."""
        return self._fernet is not None

    def seal(self, secret: str) -> str:
        """Return what may be stored."""
        if self._fernet is None:
            return secret
        return _PREFIX + self._fernet.encrypt(secret.encode()).decode()

    def open(self, stored: str) -> str:
        """Return the secret that was sealed; plain text from before there were keys passes.

        Raises:
            ConfigurationError: no key that is set opens it.
        """
        if not stored.startswith(_PREFIX):
            return stored
        if self._fernet is None:
            raise ConfigurationError(
                "The stored tokens are encrypted, and PALEMAIL_ENCRYPTION_KEYS is not set. "
                "Set the keys that they were encrypted with."
            )
        try:
            return self._fernet.decrypt(stored.removeprefix(_PREFIX)).decode()
        except InvalidToken as exc:
            raise ConfigurationError(
                "None of PALEMAIL_ENCRYPTION_KEYS opens the stored tokens. Add the key that "
                "they were encrypted with; the first key seals, the others only open."
            ) from exc
