"""A service that takes alerts over HTTP, as Apprise posts them."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class AlertInbox:
    """What has arrived, and whether anything is taken right now."""

    def __init__(self) -> None:
        self.messages: list[dict[str, str]] = []
        self.is_down = False
        #: Set while messages are answered; what has come is counted before.
        self.answers = threading.Event()
        self.answers.set()
        self.came = threading.Event()
        self.url = ""

    @property
    def titles(self) -> list[str]:
        return [message["title"] for message in self.messages]


@contextmanager
def alert_inbox() -> Iterator[AlertInbox]:
    """Serve an inbox while the context lasts."""
    inbox = AlertInbox()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            inbox.came.set()
            inbox.answers.wait()
            if not inbox.is_down:
                inbox.messages.append(json.loads(body))
            self.send_response(503 if inbox.is_down else 200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    inbox.url = f"json://127.0.0.1:{server.server_port}/secret-path"
    try:
        yield inbox
    finally:
        inbox.answers.set()
        server.shutdown()
        thread.join()
        server.server_close()
