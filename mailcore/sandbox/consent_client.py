"""What a person with a browser does, done by a program over the same HTTP."""

from collections.abc import Iterable
from http import HTTPStatus
from urllib.parse import parse_qs, urlencode, urlsplit

import urllib3

from mailcore.sandbox import scopes


class ConsentRefused(Exception):
    """The consent page was not shown: the authorization URL is wrong.

    Attributes:
        status: the HTTP status of the page.
        page: its HTML, which says what is wrong.
    """

    def __init__(self, status: int, page: str) -> None:
        super().__init__(f"the sandbox showed an error page ({status})")
        self.status = status
        self.page = page


def answer_consent(
    authorization_url: str, account: str, untick: Iterable[str], *, cancel: bool
) -> str:
    """Open the consent page, fill it in and submit it.

    Args:
        authorization_url: where the client sends the person.
        account: the address of the account to choose.
        untick: the permissions to refuse, in full or short as in ``gmail.send``.
        cancel: press Cancel instead of Continue.

    Returns:
        The address that the person is sent back to; it is not visited.

    Raises:
        ConsentRefused: an error page was shown instead.
    """
    asked = parse_qs(urlsplit(authorization_url).query).get("scope", [""])[0].split()
    ticked = {scopes.canonical(name) for name in asked} - scopes.spelled_out(untick)
    fields = [("account", account), ("decision", "cancel" if cancel else "allow")]
    fields += [("scope", scope) for scope in sorted(ticked)]
    with urllib3.PoolManager(retries=False) as browser:
        page = browser.request("GET", authorization_url, redirect=False)
        if page.status != HTTPStatus.OK:
            raise ConsentRefused(page.status, page.data.decode())
        answer = browser.request(
            "POST",
            authorization_url,
            body=urlencode(fields),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            redirect=False,
        )
    return answer.headers["Location"]
