"""What the tests of the callback share: a key, and eyes for a page."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser

import uvicorn

from callback import create_app
from mailcore import ApiKey, Mailcore, Settings, digest_of

API_KEY = "a-long-random-key-of-the-tests-0123456789"
KEYS = {"ci": ApiKey(digest=digest_of(API_KEY))}


class Page(HTMLParser):
    """What a person sees of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.buttons: list[str] = []
        self.text = ""
        self.title = ""
        self._inside: list[str] = []
        self.feed(html)
        self.text = " ".join(self.text.split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside.append(tag)
        if tag == "a":
            self.links.append(dict(attrs)["href"] or "")

    def handle_endtag(self, tag: str) -> None:
        while self._inside and self._inside.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        here = self._inside[-1] if self._inside else ""
        if here == "title":
            self.title += data
        elif here == "button":
            self.buttons.append(data.strip())
        elif here != "style":
            self.text += f" {data}"


@contextmanager
def served(settings: Settings) -> Iterator[Mailcore]:
    """Run the application under uvicorn, as a deployment does, on an address of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
        core = Mailcore(settings.model_copy(update={"public_url": origin}))
        server = uvicorn.Server(uvicorn.Config(create_app(core), log_config=None))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield core
        finally:
            server.should_exit = True
            thread.join()
            core.close()
