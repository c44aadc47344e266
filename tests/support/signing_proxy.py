"""A proxy that signs who is logged in, and publishes its keys, over real HTTP."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey

Key = ECKey | OKPKey | RSAKey

ISSUER = "https://proxy.example.com"
AUDIENCE = "this-page"
HEADER = "X-Proxy-Assertion"
ANN = "ann@example.com"

ALGORITHMS = ("RS256", "ES256", "Ed25519", "EdDSA")


def new_key(algorithm: str, key_id: str) -> Key:
    """Make a key pair."""
    parameters: Any = {"kid": key_id}
    match algorithm:
        case "RS256":
            return RSAKey.generate_key(2048, parameters)
        case "ES256":
            return ECKey.generate_key("P-256", parameters)
        case _:
            return OKPKey.generate_key("Ed25519", parameters)


class SigningProxy:
    """Publishes keys, and signs with them.

    Attributes:
        keys: those that are published.
        away: it does not answer usefully.
        fetched: how often its keys were asked for.
    """

    def __init__(self) -> None:
        self.keys: list[Key] = [new_key("RS256", "first")]
        self.away = False
        self.fetched = 0
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                proxy.fetched += 1
                body = b"down" if proxy.away else proxy.document()
                self.send_response(503 if proxy.away else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def settings(self) -> dict[str, str]:
        """What believes it, as keyword arguments of `mailcore.Settings`."""
        return {
            "signed_user_header": HEADER,
            "signed_user_keys_url": f"http://127.0.0.1:{self._server.server_port}/keys",
            "signed_user_issuer": ISSUER,
            "signed_user_audience": AUDIENCE,
        }

    @property
    def environment(self) -> dict[str, str]:
        """The same as variables."""
        return {f"PALEMAIL_{name.upper()}": value for name, value in self.settings.items()}

    def document(self) -> bytes:
        """What it publishes."""
        return json.dumps({"keys": [key.as_dict(private=False) for key in self.keys]}).encode()

    def assertion(
        self,
        *,
        algorithm: str = "RS256",
        key: Any = None,
        lasts: float = 600,
        headers: dict[str, Any] | None = None,
        **claims: Any,
    ) -> str:
        """Sign who is there; a claim of None is left out."""
        key = key or self.keys[-1]
        says = {
            "iss": ISSUER,
            "aud": [AUDIENCE],
            "email": ANN,
            "iat": int(time.time()),
            "exp": int(time.time() + lasts),
            **claims,
        }
        says = {name: value for name, value in says.items() if value is not None}
        head = {"alg": algorithm, "kid": key.kid, **(headers or {})}
        return jwt.encode(head, says, key, algorithms=[algorithm])
