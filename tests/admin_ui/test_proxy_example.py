"""The proxy that docs/deployment.md shows, in front of the page."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import urllib3
from urllib3.util import Retry

from mailcore.sandbox import GoogleSandbox
from tests.admin_ui.admin_calling import BILLING, Serve
from tests.admin_ui.admin_program import Served
from tests.admin_ui.test_attacks import handshake, status
from tests.support.ports import free_port

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
DOCS = Path(__file__).parents[2] / "docs" / "deployment.md"
PUBLIC = "https://mail.example.com"
HOST = "mail.example.com"
SECRET = "not-for-a-log"

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")


@contextmanager
def proxied(served: Served, folder: Path) -> Iterator[str]:
    """Run the example in front of a page; yield where. TLS aside, nothing is changed but names."""
    port = free_port()
    example = DOCS.read_text().partition("```nginx\n")[2].partition("```")[0]
    for written, here in (
        ("listen 443 ssl;", f"listen 127.0.0.1:{port};"),
        ("127.0.0.1:8501", served.url.removeprefix("http://").replace("localhost", "127.0.0.1")),
        ("/var/log/nginx", str(folder)),
    ):
        assert written in example
        example = example.replace(written, here)
    kept = "\n".join(
        f"{kind}_temp_path {folder}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/pid; error_log {folder}/error.log; events {{}}\n"
        f"http {{ access_log {folder}/access.log; {kept}\n{example} }}\n"
    )
    process = subprocess.Popen(
        [str(NGINX), "-e", folder / "error.log", "-c", folder / "nginx.conf"]
    )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def ask(method: str, url: str, cookies: str = "") -> urllib3.BaseHTTPResponse:
    headers = {"Host": HOST, "Origin": PUBLIC, "Cookie": cookies}
    patient = Retry(connect=20, redirect=False, status=0, backoff_factor=0.05)
    return urllib3.request(method, url, headers=headers, redirect=False, retries=patient)


def cookies_of(answer: urllib3.BaseHTTPResponse) -> str:
    given = answer.headers.getlist("Set-Cookie")
    assert all("; Secure" in cookie for cookie in given)
    return "; ".join(cookie.partition(";")[0] for cookie in given)


def test_the_example_works_and_keeps_secrets_out_of_its_logs(
    serve: Serve, google: GoogleSandbox, tmp_path: Path
) -> None:
    """Login and websocket pass; codes, states and tickets are in no log, also while we are down."""
    served = serve(PALEMAIL_PUBLIC_URL=PUBLIC, PALEMAIL_ADMIN_EMAILS=BILLING)
    with proxied(served, tmp_path) as proxy:
        begun = ask("POST", f"{proxy}/")
        back = urlsplit(google.consent(begun.headers["Location"], account=BILLING))
        entered = ask("GET", f"{proxy}{back.path}?{back.query}", cookies_of(begun))
        assert entered.status == 303
        cookies = cookies_of(entered)
        assert ask("GET", f"{proxy}/", cookies).status == 200
        there = Served(proxy, "", served.process, served.output)
        there.__dict__["cookies"] = dict([cookies.partition(";")[0].split("=", 1)])
        assert status(handshake(there, f"Host: {HOST}", f"Origin: {PUBLIC}")) == 101
        assert status(handshake(there, f"Host: {HOST}", "Origin: https://evil.example")) == 403
        secrets = [*re.findall(r"(?:state|code)=([^&]+)", back.query), SECRET]
        for is_up in (True, False):
            for path in (
                f"/senders/callback?state={SECRET}&code={SECRET}",
                f"/senders/callback/{SECRET}",
                f"/senders/reauth/{SECRET}",
                f"/%73enders//reauth/{SECRET}",
                f"/oauth2callback?state={SECRET}&code={SECRET}",
            ):
                answer = ask("GET", f"{proxy}{path}")
                assert answer.status < 500 if is_up else answer.status == 502
            if is_up:
                served.stop()
    logged = (tmp_path / "access.log").read_text() + (tmp_path / "error.log").read_text()
    assert logged.count('"GET ') >= 10
    assert not [secret for secret in secrets if secret in logged]
