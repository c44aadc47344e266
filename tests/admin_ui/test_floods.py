"""Floods: uploads, open tabs, and requests that never end; and who still gets through."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

import pytest
import urllib3
from playwright.sync_api import FilePayload
from urllib3.exceptions import ProtocolError

from admin_ui import connections, gate
from tests.admin_ui.admin_calling import Person, Serve
from tests.admin_ui.admin_program import Served
from tests.admin_ui.test_start_link import ask

MEGABYTE = 1024 * 1024
HALF = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
HALF_BODY = b"POST /senders HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900000\r\n\r\n{"


def port_of(served: Served) -> int:
    return int(served.url.rpartition(":")[2])


@contextmanager
def opened(served: Served, count: int, sent: bytes) -> Iterator[list[socket.socket]]:
    """Open connections, and send the same on each."""
    with ExitStack() as stack:
        lines = []
        for _ in range(count):
            line = stack.enter_context(
                socket.create_connection(("127.0.0.1", port_of(served)), timeout=30)
            )
            lines.append(line)
            try:
                line.sendall(sent)
            except OSError:  # it had to make room already
                continue
        yield lines


def healthy(served: Served) -> bool:
    answer = urllib3.request("GET", f"{served.url}/healthz", timeout=10.0, retries=False)
    return answer.status == 200


@pytest.mark.parametrize("sent", [b"", HALF, HALF_BODY], ids=["nothing", "header", "body"])
def test_a_thousand_half_sent_requests_stop_nobody(served: Served, sent: bytes) -> None:
    """More than there are file descriptors for; whoever sends a whole one is answered at once."""
    with opened(served, 1_100, sent):
        began = time.monotonic()
        assert all(healthy(served) for _ in range(5))
        assert time.monotonic() - began < 10


def still_open(line: socket.socket) -> bool:
    """Send one more byte, and see for a moment whether the other end hangs up."""
    try:
        line.sendall(b"x")
        return bool(line.recv(65536))
    except TimeoutError:
        return True
    except OSError:
        return False


def test_a_request_has_to_come_within_a_while(served: Served) -> None:
    """Also one that comes a byte at a time, and the second one on a line."""
    whole = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with opened(served, 1, whole + HALF) as (line,):
        began = time.monotonic()
        assert b"200 OK" in line.recv(65536)
        line.settimeout(0.5)
        while still_open(line):
            assert time.monotonic() - began < connections.REQUEST_TIMEOUT + 20
        assert time.monotonic() - began > connections.REQUEST_TIMEOUT / 2


def upload(served: Served, body: bytes) -> urllib3.BaseHTTPResponse:
    """Put a file where the page's own uploads go, with whatever a stranger is given for it."""
    given = ask("GET", f"{served.url}/_stcore/health").headers.get("Set-Cookie", "")
    token = given.partition(";")[0]
    return ask(
        "PUT",
        f"{served.url}/_stcore/upload_file/a-session/a-file",
        headers={
            "Cookie": token,
            "X-Xsrftoken": token.partition("=")[2],
            "Origin": served.url,
            "Content-Type": "multipart/form-data; boundary=b",
        },
        body=b'--b\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n'
        + body
        + b"\r\n--b--\r\n",
    )


def test_nothing_is_uploaded_before_one_has_come_in(serve: Serve) -> None:
    """Not with a login and not with a link; and not a byte of it is kept."""
    for settings in ({}, {"PALEMAIL_ADMIN_EMAILS": "ann@example.com"}):
        served = serve(**settings)
        assert upload(served, b"x").status == 403


@pytest.mark.browser
def test_nothing_above_a_megabyte_is_uploaded(served: Served, person: Person) -> None:
    """Not by somebody who has come in, and repeats the page's own upload with a larger file."""
    page = person(f"{served.url}/setup")
    small = FilePayload(name="credentials.json", mimeType="application/json", buffer=b"{}")
    with page.expect_request(lambda request: request.method == "PUT") as caught:
        page.locator("input[type=file]").set_input_files(small)
    there = caught.value
    headers = {
        name: value
        for name, value in there.all_headers().items()
        if not name.startswith(":") and name != "content-length"
    }

    def put(size: int, **more: str) -> int:
        boundary = headers["content-type"].partition("boundary=")[2]
        start = f'--{boundary}\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n'
        body = start.encode() + b"x" * size + f"\r\n--{boundary}--\r\n".encode()
        return ask("PUT", there.url, headers={**headers, **more}, body=body).status

    assert put(1000) == 204
    for size in (MEGABYTE + 1, 3 * MEGABYTE, 20 * MEGABYTE):
        assert put(size) == 413
        try:
            assert put(size, **{"Transfer-Encoding": "chunked"}) == 413
        except ProtocolError:  # it had heard enough
            continue


def websocket(served: Served, path: str) -> bytes:
    """Return the request that opens one, as an admin's browser sends it."""
    host = served.url.removeprefix("http://")
    return (
        f"GET {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: {served.url}\r\n"
        f"Cookie: {served.headers['Cookie']}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    ).encode()


def test_one_visitor_has_so_many_tabs(served: Served) -> None:
    """Each costs memory; further ones are refused, and others are still answered."""
    request = websocket(served, "/_stcore/stream")
    with opened(served, gate.MAX_TABS_EACH, request) as lines:
        assert all(b" 101 " in line.recv(100) for line in lines)
        with opened(served, 1, request) as (further,):
            assert b" 503 " in further.recv(100)
        assert ask("GET", served.url, headers=served.headers).status == 200
    deadline = time.monotonic() + 20
    while True:  # as soon as the server has seen that they are closed
        with opened(served, 1, request) as (line,):
            if b" 101 " in line.recv(100):
                break
        assert time.monotonic() < deadline


@pytest.mark.browser
def test_nor_do_more_parts_of_tabs_wait_for_changes(served: Served, person: Person) -> None:
    """Each is an open connection."""
    page = person("about:blank")
    with page.expect_websocket(lambda socket: "/changes/" in socket.url) as waiting:
        page.goto(served.url)
    request = websocket(served, urlsplit(waiting.value.url).path)
    most = gate.MAX_TABS_EACH * gate.LIVE_PARTS - 1  # the page has one
    with opened(served, most, request) as lines:
        assert all(b" 101 " in line.recv(100) for line in lines)
        # Those that were told of a change meanwhile have left.
        with opened(served, most, request) as further:
            assert any(b" 503 " in line.recv(100) for line in further)
        assert ask("GET", served.url, headers=served.headers).status == 200
