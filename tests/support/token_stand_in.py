"""A token endpoint that answers whatever a test wants, over real HTTP."""

import base64
import json
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


class TokenStandIn:
    """Gives every request the answer that was set last.

    Args:
        date: its clock, as in the Date header; empty for none.

    Attributes:
        answer: status, media type and body.
    """

    def __init__(self, date: str | None = None) -> None:
        self.answer: tuple[int, str, bytes] = (500, "text/plain", b"not set")
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("content-length", 0)))
                status, kind, body = stand_in.answer
                self._begin(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self) -> None:
                self._begin(404)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def _begin(self, status: int) -> None:
                self.send_response_only(status)
                if date != "":
                    self.send_header("Date", date or self.date_time_string())

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
    def origin(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def token_uri(self) -> str:
        return f"{self.origin}/token"

    def answer_json(self, document: object, status: int = 200) -> None:
        self.answer = (status, "application/json", json.dumps(document).encode())

    def tokens(
        self, client_id: str, account: str, *, lasts: float = 3600, **claims: Any
    ) -> dict[str, Any]:
        """A good answer.

        Claims replace those of the ID token, None leaves one out; it lasts so many seconds.
        """
        now = datetime.now(UTC).timestamp()
        payload = {
            "iss": self.origin,
            "aud": client_id,
            "exp": now + lasts,
            "iat": now,
            "sub": "1",
            "email": account,
            "email_verified": True,
        } | claims
        return {
            "access_token": "ya29.stand-in",
            "refresh_token": "1//stand-in",
            "expires_in": 3599,
            "scope": "openid https://www.googleapis.com/auth/userinfo.email"
            " https://www.googleapis.com/auth/gmail.send",
            "token_type": "Bearer",
            "id_token": id_token({k: v for k, v in payload.items() if v is not None}),
        }


def id_token(payload: object) -> str:
    parts = (json.dumps(part).encode() for part in ({"alg": "RS256", "typ": "JWT"}, payload))
    return ".".join([*(base64.urlsafe_b64encode(p).rstrip(b"=").decode() for p in parts), "c2ln"])
