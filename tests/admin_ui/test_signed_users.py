"""A proxy that signs who is logged in: what gets past it, and what does not."""

import base64
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import urllib3
from joserfc.jwk import OctKey
from playwright.sync_api import Browser, expect

from admin_ui.signed_users import SignedUsers
from mailcore import ConfigurationError, Mailcore, NotAdmitted, Settings
from tests.admin_ui.admin_calling import Serve
from tests.admin_ui.test_attacks import ask, handshake, status
from tests.support.signing_proxy import ALGORITHMS, ANN, HEADER, SigningProxy, new_key

Forge = Callable[[SigningProxy], str]


@pytest.fixture
def proxy() -> Iterator[SigningProxy]:
    with SigningProxy() as proxy:
        yield proxy


@pytest.fixture
def users(proxy: SigningProxy) -> Iterator[SignedUsers]:
    settings: dict[str, Any] = proxy.settings
    core = Mailcore(Settings(**settings))
    yield SignedUsers(core)
    core.close()


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_what_the_proxy_signed_says_who_is_there(
    users: SignedUsers, proxy: SigningProxy, algorithm: str
) -> None:
    """Google signs with ES256, Cloudflare with RS256."""
    proxy.keys.append(new_key(algorithm, "second"))
    signed = proxy.assertion(algorithm=algorithm)
    assert users.name_in(signed) == ANN
    assert users.name_in(f"Bearer {signed}") == ANN
    assert proxy.fetched == 1


def unsigned(proxy: SigningProxy) -> str:
    head, claims, _ = proxy.assertion().split(".")
    head = base64.urlsafe_b64encode(b'{"alg": "none", "kid": "first"}').decode().rstrip("=")
    return f"{head}.{claims}."


def signed_with_the_public_key(proxy: SigningProxy) -> str:
    """An HMAC under what everybody knows: the classic confusion of algorithms."""
    public = proxy.keys[0].as_pem(private=False)
    head = base64.urlsafe_b64encode(b'{"alg": "HS256", "kid": "first"}').rstrip(b"=")
    claims = proxy.assertion().split(".")[1].encode()
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415
    from cryptography.hazmat.primitives.hmac import HMAC  # noqa: PLC0415

    mac = HMAC(public, SHA256())
    mac.update(head + b"." + claims)
    seal = base64.urlsafe_b64encode(mac.finalize()).rstrip(b"=")
    return b".".join((head, claims, seal)).decode()


def with_another_address(proxy: SigningProxy) -> str:
    head, _, signature = proxy.assertion().split(".")
    claims = json.dumps({"iss": "x", "email": "mallory@example.com", "exp": time.time() + 60})
    return f"{head}.{base64.urlsafe_b64encode(claims.encode()).decode().rstrip('=')}.{signature}"


FORGERIES: dict[str, Forge] = {
    "not signed": unsigned,
    "signed with the public key": signed_with_the_public_key,
    "another address under the signature": with_another_address,
    "another key under the same id": lambda p: p.assertion(key=new_key("RS256", "first")),
    "a key that comes along": lambda p: p.assertion(
        key=(key := new_key("RS256", "own")), headers={"jwk": key.as_dict(private=False)}
    ),
    "a shared secret": lambda p: p.assertion(
        algorithm="HS256", key=OctKey.import_key("x" * 40, {"kid": "first"})
    ),
    "for another page": lambda p: p.assertion(aud=["another-page"]),
    "for no page": lambda p: p.assertion(aud=None),
    "of another issuer": lambda p: p.assertion(iss="https://evil.example.com"),
    "of no issuer": lambda p: p.assertion(iss=None),
    "it has expired": lambda p: p.assertion(lasts=-60),
    "for ever": lambda p: p.assertion(exp=None),
    "not yet": lambda p: p.assertion(nbf=int(time.time()) + 120),
    "nobody": lambda p: p.assertion(email=None),
    "no text for a name": lambda p: p.assertion(email=["ann@example.com"]),
    "not verified": lambda p: p.assertion(email_verified=False),
    "said not to be verified, in words": lambda p: p.assertion(email_verified="False"),
    "verified in no known way": lambda p: p.assertion(email_verified=[]),
    "no assertion": lambda _: "ann@example.com",
    "no ASCII": lambda _: "ä.ö.ü",
    "empty": lambda _: "",
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES.keys())
def test_nothing_else_does(users: SignedUsers, proxy: SigningProxy, forge: Forge) -> None:
    """Whoever reaches the port past the proxy is nobody."""
    forged = forge(proxy)
    with pytest.raises(NotAdmitted) as caught:
        users.name_in(forged)
    assert not forged or forged not in str(caught.value)


def test_a_new_key_is_found_and_made_up_ones_cost_nothing(
    users: SignedUsers, proxy: SigningProxy
) -> None:
    """The proxy rotates its keys; a stranger's key ids do not become requests to it."""
    users.name_in(proxy.assertion())
    for number in range(3):
        with pytest.raises(NotAdmitted):
            users.name_in(proxy.assertion(key=new_key("RS256", f"made-up-{number}")))
    assert proxy.fetched == 1
    proxy.keys.append(new_key("RS256", "rotated"))
    users._keys._tried_at -= 61  # as if a minute had passed
    assert users.name_in(proxy.assertion()) == ANN
    assert proxy.fetched == 2


def test_where_the_keys_are_away_nobody_gets_in(users: SignedUsers, proxy: SigningProxy) -> None:
    """Never open: it says what is wrong, and asks again a minute later."""
    proxy.away = True
    for _ in range(3):
        with pytest.raises(NotAdmitted, match="cannot be fetched"):
            users.name_in(proxy.assertion())
    assert proxy.fetched == 1
    proxy.away = False
    users._keys._tried_at -= 61  # as if a minute had passed
    assert users.name_in(proxy.assertion()) == ANN


@pytest.mark.parametrize(
    "change",
    [
        {"signed_user_audience": None},
        {"signed_user_issuer": None},
        {"signed_user_keys_url": None},
        {"signed_user_header": None},
        {"signed_user_keys_url": "http://keys.example.com/"},
        {"trusted_user_header": "X-Email"},
    ],
)
def test_half_a_setup_refuses_to_start(proxy: SigningProxy, change: dict[str, Any]) -> None:
    """Without any one of them a signature proves nothing; two headers contradict each other."""
    with pytest.raises(ConfigurationError, match="PALEMAIL_SIGNED_USER"):
        Settings(**{**proxy.settings, **change})


def test_the_page_opens_for_a_signed_admin_only(serve: Serve, proxy: SigningProxy) -> None:
    """Who the proxy says is there is on the list, or is served nothing; a bare name never is."""
    served = serve(PALEMAIL_ADMIN_EMAILS=ANN, **proxy.environment)

    def visit(name: str) -> tuple[int, str]:
        answer = urllib3.request("GET", served.url, headers={HEADER: name})
        return answer.status, answer.data.decode()

    assert visit(proxy.assertion())[0] == 200
    for name, refusal in (
        (proxy.assertion(email="mallory@example.com"), "is not on the list of admins"),
        (proxy.assertion(aud="another-page"), "is not accepted"),
        (ANN, "is not accepted"),
        ("", "did not say who you are"),
    ):
        status, page = visit(name)
        assert (status, refusal in page) == (403, True), page
        host = f"Host: {served.url.removeprefix('http://')}"
        opened = handshake(served, host, f"Origin: {served.url}", f"{HEADER}: {name}")
        assert "101" not in opened.splitlines()[0]


def test_where_the_keys_are_away_the_page_says_so(serve: Serve, proxy: SigningProxy) -> None:
    """A closed door with a reason, and not an open one."""
    proxy.away = True
    served = serve(**proxy.environment)
    answer = urllib3.request("GET", served.url, headers={HEADER: proxy.assertion()})
    assert answer.status == 403
    assert "cannot be fetched" in answer.data.decode()


def test_an_assertion_that_comes_twice_is_refused(serve: Serve, proxy: SigningProxy) -> None:
    """Which one would count is not left to chance."""
    served = serve(**proxy.environment)
    host = f"Host: {served.url.removeprefix('http://')}"
    signed = f"{HEADER}: {proxy.assertion()}"
    assert status(ask(served, "/", host, signed)) == 200
    assert status(ask(served, "/", host, signed, signed)) == 400


@pytest.mark.browser
def test_an_open_tab_ends_with_its_assertion(
    serve: Serve, proxy: SigningProxy, chromium: Browser
) -> None:
    """Somebody whose access the proxy has ended does not keep it by leaving a tab open."""
    served = serve(**proxy.environment)
    # Clocks may differ by 30 seconds.
    context = chromium.new_context(extra_http_headers={HEADER: proxy.assertion(lasts=0)})
    page = context.new_page()
    page.goto(served.url)
    expect(page.get_by_role("button", name="Add a sender").first).to_be_visible()
    expect(page.get_by_text("it has expired")).to_be_visible(timeout=60_000)
    context.close()
