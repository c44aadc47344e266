"""Who a proxy says is there, in an assertion that it has signed.

A JSON Web Token (RFC 7519) in a header, as Google's Identity-Aware Proxy, Cloudflare Access and
oauth2-proxy send it. Unlike a bare header it cannot be forged by whoever reaches the port.
The algorithm is ours to choose, not the token's (RFC 8725, section 3.1).
"""

from joserfc import jwt
from joserfc.errors import (
    BadSignatureError,
    ClaimError,
    ExpiredTokenError,
    InvalidKeyIdError,
    JoseError,
)
from joserfc.jwk import GuestProtocol, KeySet
from joserfc.jwt import JWTClaimsRegistry

from admin_ui.key_sets import PublishedKeys
from mailcore import Mailcore, NotAdmitted

#: EdDSA is what Ed25519 was called before RFC 9864.
_ALGORITHMS = ("RS256", "ES256", "Ed25519", "EdDSA")
#: Seconds by which clocks may differ.
_LEEWAY = 30
_BEARER = "bearer "


class SignedUsers:
    """Reads assertions.

    Args:
        core: its settings say what an assertion must hold, and it fetches the keys.
    """

    def __init__(self, core: Mailcore) -> None:
        settings = core.settings
        self._claim = settings.signed_user_claim
        self._keys = PublishedKeys(core.fetch_signing_keys)
        self._registry = JWTClaimsRegistry(
            leeway=_LEEWAY,
            iss={"essential": True, "value": settings.signed_user_issuer or ""},
            aud={"essential": True, "value": settings.signed_user_audience or ""},
            exp={"essential": True},
        )

    def name_in(self, assertion: str) -> str:
        """Return the address of who is logged in at the proxy.

        Args:
            assertion: the header's value; ``Bearer`` may stand before it.

        Raises:
            NotAdmitted: it is no valid assertion for this page, or no longer; or the keys to
                check it with cannot be fetched.
        """
        if assertion.lower().startswith(_BEARER):
            assertion = assertion[len(_BEARER) :]
        try:
            token = jwt.decode(assertion.strip(), self._key_of, algorithms=_ALGORITHMS)
            self._registry.validate(token.claims)
        except ExpiredTokenError as exc:
            raise _refused("it has expired") from exc
        # ValueError: no text of ASCII, or no base64.
        except (JoseError, ValueError) as exc:
            raise _refused(_reason(exc)) from exc
        name = token.claims.get(self._claim)
        if not isinstance(name, str) or not name.strip():
            raise _refused(f"it has no {self._claim!r}")
        if token.claims.get("email_verified", True) not in (True, "true"):
            raise _refused("its address is not verified")
        return name.strip()

    def _key_of(self, token: GuestProtocol) -> KeySet:
        key_id = token.headers().get("kid")
        return self._keys.holding(key_id if isinstance(key_id, str) else None)


def _refused(why: str) -> NotAdmitted:
    return NotAdmitted(
        f"The proxy's token, which says who you are, is not accepted: {why}.",
        remedy="Reload the page to get a new one. If that does not help, compare the "
        "PALEMAIL_SIGNED_USER_… settings with the proxy's.",
    )


def _reason(exc: Exception) -> str:
    if isinstance(exc, ClaimError):
        return f"its claim {exc.claim!r} is missing or has an unexpected value"
    if isinstance(exc, BadSignatureError | InvalidKeyIdError):
        return "it is not signed with any of the published keys"
    return "it is not a token that can be read and checked here"
