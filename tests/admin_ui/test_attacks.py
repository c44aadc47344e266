"""The page's process, attacked over the wire as another site or another program would."""

import socket
from pathlib import Path

import pytest
import urllib3

from tests.admin_ui.admin_calling import Serve
from tests.admin_ui.admin_program import Served
from tests.support.signing_proxy import HEADER, SigningProxy


def ask(served: Served, path: str, *headers: str, method: str = "GET") -> str:
    """Send a request with these headers and the admin's cookies; return the answer's head."""
    port = int(served.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=20) as line:
        ending = [] if any("Upgrade" in header for header in headers) else ["Connection: close"]
        cookies = [f"Cookie: {served.headers['Cookie']}"] if served.cookies else []
        lines = [f"{method} {path} HTTP/1.1", *headers, *cookies, *ending, "", ""]
        line.sendall("\r\n".join(lines).encode())
        answer = line.recv(65536)
        while b"\r\n\r\n" not in answer and (more := line.recv(65536)):
            answer += more
    return answer.partition(b"\r\n\r\n")[0].decode().lower()


def handshake(served: Served, *headers: str, path: str = "/_stcore/stream") -> str:
    return ask(
        served,
        path,
        *headers,
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    )


def status(answer: str) -> int:
    return int(answer.split()[1])


def test_dns_rebinding_gets_nowhere(served: Served) -> None:
    """A foreign name, or our name with another port, is refused; as is one beside ours."""
    port = served.url.rpartition(":")[2]
    assert status(ask(served, "/", f"Host: localhost:{port}")) == 200
    for hosts in (
        [f"evil.example:{port}"],
        ["localhost:1"],
        ["localhost"],
        [f"localhost:{port}", f"evil.example:{port}"],
        [f"localhost:{port}@evil.example"],
    ):
        for path in ("/", "/_stcore/upload_file/a/b", "/senders/callback", "/_stcore/host-config"):
            assert status(ask(served, path, *[f"Host: {host}" for host in hosts])) == 400
    assert status(ask(served, "/healthz", "Host: 10.0.0.7:8501")) == 200


def test_a_page_of_another_site_or_port_opens_no_websocket(served: Served) -> None:
    """Our cookies would come with it. Neither the page's, nor the one that tells of changes."""
    host = f"Host: {served.url.removeprefix('http://')}"
    for path in ("/_stcore/stream", "/changes/x"):
        assert status(handshake(served, host, f"Origin: {served.url}", path=path)) == 101
        for origin in (
            "http://localhost:1", "http://evil.example", "null", "https://x.streamlit.app",
            served.url.replace("localhost", "127.0.0.1"), served.url.replace("http", "https"),
        ):  # fmt: skip
            assert status(handshake(served, host, f"Origin: {origin}", path=path)) == 403
        assert status(handshake(served, "Host: evil.example", path=path)) == 400


def test_nobody_may_frame_or_command_the_page(served: Served) -> None:
    """Neither an own page of the attacker's, nor Streamlit's cloud."""
    answer = urllib3.request("GET", served.url, headers=served.headers)
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert "form-action 'none'" in answer.headers["Content-Security-Policy"]
    config = urllib3.request("GET", f"{served.url}/_stcore/host-config", headers=served.headers)
    assert config.json()["allowedOrigins"] == []


@pytest.mark.parametrize("place", ["home", "working directory"])
def test_a_folders_config_opens_nothing(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """What lies in the home, or where it is started, decides nothing about access."""
    (tmp_path / ".streamlit").mkdir()
    (tmp_path / ".streamlit" / "config.toml").write_text(
        "[client]\nallowedOrigins = ['https://evil.example']\n"
        "[server]\nenableXsrfProtection = false\nenableCORS = false\nmaxUploadSize = 500\n"
    )
    served = serve(HOME=str(tmp_path)) if place == "home" else serve(directory=tmp_path)
    address = f"{served.url}/_stcore"
    config = urllib3.request("GET", f"{address}/host-config", headers=served.headers).json()
    assert config["allowedOrigins"] == []
    upload = urllib3.request("PUT", f"{address}/upload_file/a/b", body=b"x", headers=served.headers)
    assert upload.status in {400, 403}
    assert b"xsrf" in upload.data.lower()


def test_a_folders_secrets_file_sets_nothing(serve: Serve, tmp_path: Path) -> None:
    """Streamlit would put it into the environment: a proxy for whatever goes to Google."""
    with socket.create_server(("127.0.0.1", 0)) as listener, SigningProxy() as proxy:
        (tmp_path / ".streamlit").mkdir()
        (tmp_path / ".streamlit" / "secrets.toml").write_text(
            f"HTTPS_PROXY = 'http://127.0.0.1:{listener.getsockname()[1]}'\n"
        )
        keys = {"PALEMAIL_SIGNED_USER_KEYS_URL": "https://keys.invalid/"}
        served = serve(directory=tmp_path, **{**proxy.environment, **keys})
        host = f"Host: {served.url.removeprefix('http://')}"
        assert status(ask(served, "/", host, f"{HEADER}: {proxy.assertion()}")) == 403
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()


def test_a_user_header_that_comes_twice_is_refused(serve: Serve) -> None:
    """An appending proxy would leave the client's own in front."""
    served = serve(PALEMAIL_TRUSTED_USER_HEADER="X-Email")
    host = f"Host: {served.url.removeprefix('http://')}"
    twice = ("X-Email: evil@example.com", "x-email: ann@example.com")
    assert status(ask(served, "/", host, twice[1])) == 200
    assert status(ask(served, "/", host, *twice)) == 400
    for merged in ("X-Email: evil@example.com, ann@example.com", "X-Email: evil@example.com,"):
        assert status(ask(served, "/", host, merged)) == 403


def test_an_address_that_only_looks_like_one_on_the_list_is_refused(serve: Serve) -> None:
    """Large and small letters are one; letters that Unicode calls alike are not."""
    served = serve(
        PALEMAIL_TRUSTED_USER_HEADER="X-Email", PALEMAIL_ADMIN_EMAILS="Ann@gross.example"
    )
    for sent, expected in (("aNN@gross.example", 200), ("ann@groß.example", 403)):
        answer = urllib3.request("GET", served.url, headers={"X-Email": sent})
        assert answer.status == expected


def test_cookies_of_an_https_address_never_go_out_in_the_clear(serve: Serve) -> None:
    """A request to http:// of the same name would give the login away."""
    served = serve(
        PALEMAIL_PUBLIC_URL="https://mail.example.com", PALEMAIL_ADMIN_EMAILS="ann@example.com"
    )
    answer = ask(served, "/", "Host: mail.example.com", method="POST")
    cookies = [line for line in answer.splitlines() if line.startswith("set-cookie:")]
    assert cookies
    assert all("; secure" in cookie for cookie in cookies)


@pytest.mark.parametrize(
    "path", ["/senders/%0a/", "/senders/a%0ab/x", "/senders/%0a/_stcore/health", "/%1b[2J"]
)
def test_an_address_with_control_characters_leads_nowhere(served: Served, path: str) -> None:
    """No route takes it, so it would be past the door, or be redirected to the client's Host."""
    host = f"Host: {served.url.removeprefix('http://')}"
    for headers in ([host], ["Host: evil.example", "Authorization: Bearer x"]):
        answer = ask(served, path, *headers)
        assert status(answer) == 400
        assert "location:" not in answer


def test_slashes_get_nobody_past_the_door(served: Served) -> None:
    """Streamlit answers an address that only looks like one of the callback's."""
    host = f"Host: {served.url.removeprefix('http://')}"
    served.__dict__["cookies"] = {}
    for path in (
        "/healthz//",
        "/readyz///",
        "/openapi.json//",
        "/metrics//",
        "/healthz//index.html",
    ):
        for method in ("GET", "POST"):
            answer = ask(served, path, host, method=method)
            assert status(answer) == 403
            assert "location:" not in answer
