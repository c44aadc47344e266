"""The proxy that HTTPS_PROXY and NO_PROXY name for an address."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import unquote
from urllib.request import getproxies, proxy_bypass

from urllib3.exceptions import HTTPError
from urllib3.util import Url, make_headers, parse_url

from mailcore.google.failures import FailureKind, GoogleFailure


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy that takes CONNECT (RFC 9110 section 9.3.6).

    Attributes:
        url: its address.
        headers: what it is sent with CONNECT: the user and password, where there are any.
    """

    url: Url = field(repr=False)
    headers: Mapping[str, str] = field(repr=False, hash=False)


def proxy_for(url: Url) -> Proxy | None:
    """Return the proxy to go through, or None for the direct way.

    Plain http is spoken with stand-ins on this machine only, so never through a proxy.

    Args:
        url: where a request goes.

    Raises:
        GoogleFailure: of kind CONFIGURATION: the setting is not the address of such a proxy.
    """
    if url.scheme != "https" or proxy_bypass(url.netloc or ""):
        return None
    setting = getproxies().get("https")
    return _read(setting if "://" in setting else f"http://{setting}") if setting else None


@lru_cache(maxsize=8)
def _read(setting: str) -> Proxy:
    try:
        url = parse_url(setting)
        credentials = unquote(url.auth) if url.auth else None
        headers = make_headers(proxy_basic_auth=credentials) if credentials else {}
    except (ValueError, HTTPError) as exc:  # no address, or a password beyond Latin-1
        raise _unusable() from exc
    if url.scheme not in {"http", "https"} or not url.host:
        raise _unusable()
    return Proxy(url, headers)


def _unusable() -> GoogleFailure:
    return GoogleFailure(
        FailureKind.CONFIGURATION,
        "proxy_unusable",
        "HTTPS_PROXY is not the address of an HTTP proxy; example: http://proxy.example:3128",
    )
