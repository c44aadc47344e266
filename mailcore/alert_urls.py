"""The addresses that alerts go to, as they are entered: Apprise's URLs, and mail of our own."""

import re
from dataclasses import dataclass, field, replace
from urllib.parse import unquote, urlsplit

#: Of mail that goes through another sender: ``palemail://ops@example.com``.
MAIL_SCHEME = "palemail"

#: Apprise's URLs may hold commas, but no white space.
_BETWEEN = re.compile(r",\s+|,?\s*\n\s*|,(?=[a-z][a-z0-9+.-]*://)", re.IGNORECASE)
_URL = re.compile(r"[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertUrl:
    """Where alerts go, and which.

    Attributes:
        url: Apprise's, or ``palemail://`` and an address; a secret.
        urgent_only: only what keeps mail from going out, or is about to.
        project: only alerts of this project; None for all.
    """

    url: str = field(repr=False)
    urgent_only: bool = False
    project: str | None = None

    @property
    def mail_address(self) -> str | None:
        """Whom it is mailed to through another sender; None where Apprise delivers it."""
        scheme, _, rest = self.url.partition("://")
        return unquote(rest) if scheme.lower() == MAIL_SCHEME else None


def parse(text: str) -> tuple[AlertUrl, ...]:
    """Read URLs, one a line or separated by commas.

    Args:
        text: such as ``slack://…, urgent project=billing palemail://ops@example.com``. Before a
            URL, ``urgent`` and ``project=NAME`` say which alerts it gets; in the name, a space is
            written as ``%20``.

    Raises:
        ValueError: it cannot be read; the text says why, and holds no URL.
    """
    return tuple(parse_one(part) for part in _BETWEEN.split(text.strip().rstrip(",")) if part)


def parse_one(text: str) -> AlertUrl:
    """Read one URL and what stands before it; raises as `parse` does."""
    *words, url = text.split() or [""]
    urgent_only, project = False, None
    for word in words:
        name, equals, value = word.partition("=")
        if word == "urgent":
            urgent_only = True
        elif name == "project" and equals and value:
            project = unquote(value)
        else:
            raise ValueError("has something other than urgent or project=NAME before a URL")
    return replace(parse_url(url), urgent_only=urgent_only, project=project)


def parse_url(text: str) -> AlertUrl:
    """Read a URL with nothing before it; raises as `parse` does."""
    if not _URL.fullmatch(text):
        raise ValueError("has something that is not a URL, such as slack://…")
    found = AlertUrl(url=text)
    if found.mail_address is not None and not _is_address(text):
        raise ValueError(f"has a {MAIL_SCHEME}:// URL without an address, such as ops@example.com")
    return found


def _is_address(url: str) -> bool:
    parts = urlsplit(url)
    return bool(parts.username and parts.hostname and not parts.path and not parts.query)
