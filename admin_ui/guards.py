"""What stands in front of everything the page's process answers, websocket and uploads included.

The browser is the way in for other sites: by a name of theirs that resolves to our address
(DNS rebinding), by requests and websockets that carry our cookies, and by frames. So Host and
Origin, port included, are checked before Streamlit sees anything. Streamlit's own check
ignores ports, and asks the internet for this machine's address on each refusal.
"""

from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from callback.addresses import DELIVERIES, brings_key
from mailcore import is_loopback

#: They tell nothing, and are asked for by an address of the container or the pod.
_PROBES = frozenset({"/healthz", "/readyz"})
#: The JSON API's, beside what is below them.
_API = frozenset({"/senders", "/metrics", DELIVERIES})
_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
#: As tight as Streamlit allows: it starts by an inline script, and compiles its charts.
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
    "worker-src 'self' blob:; object-src 'none'; base-uri 'self'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


class Guards:
    """Refuse what does not come from our own pages, and tell browsers to do so too.

    Args:
        app: what is guarded.
        public_url: the address under which people reach the page.
        user_header: in which a proxy names the user, or None.
    """

    def __init__(self, app: ASGIApp, *, public_url: str, user_header: str | None) -> None:
        self._app = app
        self._public_url = public_url
        self._user_header = user_header
        self._secure = public_url.startswith("https:")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse with 400 or 403."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, _with_headers(send, self._secure))

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        headers = Headers(scope=scope)
        if self._user_header and len(headers.getlist(self._user_header)) > 1:
            return _refuse(
                HTTPStatus.BAD_REQUEST, f"The header {self._user_header} was sent twice."
            )
        if not scope["path"].isprintable():
            # No route takes a line feed, whatever comes before it.
            return _refuse(HTTPStatus.BAD_REQUEST, "There is nothing at this address.")
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        if scope["path"] in _PROBES or _is_api(scope["path"], headers):
            return None
        if len(hosts) != 1 or _origins(hosts[0]).isdisjoint(self._own(scope)):
            return _refuse(
                HTTPStatus.BAD_REQUEST, "Unknown Host header. It must match PALEMAIL_PUBLIC_URL."
            )
        if origins == ["null"] and scope["path"].startswith("/senders/"):
            # From the callback's own pages, which send no referrer. What they post to takes
            # single-use secrets.
            return None
        own = self._own(scope) & _origins(hosts[0])
        if origins and (len(origins) > 1 or _normal(origins[0]) not in own):
            return _refuse(HTTPStatus.FORBIDDEN, "This request came from another site.")
        return None

    def _own(self, scope: Scope) -> set[str]:
        """Return the origins of our pages: the public one, and on loopback its other names."""
        public = _normal(self._public_url)
        if not is_loopback(self._public_url):
            return {public}
        port = scope["server"][1]
        return {public} | {_normal(f"http://{name}:{port}") for name in _LOOPBACK_NAMES}


def _lacks_secure(name: bytes, value: bytes) -> bool:
    return name.lower() == b"set-cookie" and b"; secure" not in value.lower()


def _is_api(path: str, headers: Headers) -> bool:
    # Other sites' pages do not know a key, and programs come by names of their own.
    api = path in _API or path.startswith(("/senders/", f"{DELIVERIES}/"))
    return api and brings_key(headers)


def _origins(host: str) -> set[str]:
    return {_normal(f"{scheme}://{host}") for scheme in ("http", "https")}


def _normal(url: str) -> str:
    """Return a URL's origin, always with its port; what is none equals nothing of ours."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.hostname}:{port}"


def _refuse(status: HTTPStatus, why: str) -> PlainTextResponse:
    return PlainTextResponse(f"{why}\n", status_code=status, headers=_HEADERS)


def _with_headers(send: Send, secure: bool) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            if secure:
                # Streamlit leaves it out of the login's cookies.
                message["headers"] = [
                    (name, value + b"; Secure" if _lacks_secure(name, value) else value)
                    for name, value in message["headers"]
                ]
        await send(message)

    return send_with_headers
