"""What people see: plain HTML without scripts, readable on a phone."""

from collections.abc import Iterable, Mapping, Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined

from mailcore.sandbox import scopes
from mailcore.sandbox.counts import OPERATIONS, Operation, RequestCounts
from mailcore.sandbox.faults import Fault
from mailcore.sandbox.outbox import SandboxMessage
from mailcore.sandbox.records import Account, Grant

# No form-action: a browser would apply it to the redirect that follows the consent.
HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-src 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
}

_TEMPLATES = Environment(
    loader=PackageLoader("mailcore.sandbox"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)

#: The outbox page lists no more than this many, the latest.
_LISTED = 200

#: The home page lists no more than this many grants of an account, the latest.
_GRANTS_LISTED = 5


def _render(name: str, **values: object) -> str:
    return _TEMPLATES.get_template(f"{name}.html").render(values)


def consent(
    asked: Iterable[str], accounts: Iterable[Account], chosen: Account | None, problem: str
) -> str:
    """Return the consent page.

    Args:
        asked: the scopes that the client wants.
        accounts: who may consent.
        chosen: the account to start with, if any.
        problem: what was wrong with the answer before.
    """
    return _render(
        "consent", asked=asked, accounts=accounts, chosen=chosen, problem=problem, scopes=scopes
    )


def blocked(status: int, error: str, text: str) -> str:
    """Return the page for a request that no person is asked about."""
    return _render("blocked", status=status, error=error, text=text)


def home(
    accounts: Sequence[Account],
    grants: Mapping[str, Sequence[Grant]],
    counts: RequestCounts,
    arranged: Sequence[tuple[Operation, Fault, int | None, str | None]],
    faults: Iterable[str],
) -> str:
    """Return the sandbox's home page: the accounts, their grants, and the switches.

    Args:
        accounts: all accounts.
        grants: the grants by the account's address, oldest first.
        counts: the counters.
        arranged: the faults still queued: operation, fault, times left, account.
        faults: the names of all faults.
    """
    latest = {email: given[-_GRANTS_LISTED:] for email, given in grants.items()}
    return _render(
        "home",
        accounts=accounts,
        grants=latest,
        counts=counts,
        arranged=arranged,
        faults=faults,
        operations=OPERATIONS,
    )


def outbox(messages: Sequence[SandboxMessage]) -> str:
    """Return the list of what was sent, the latest first."""
    return _render("outbox", messages=messages, latest=messages[: -_LISTED - 1 : -1])


def message(sent: SandboxMessage) -> str:
    """Return one message's page: its headers, texts and attachments."""
    return _render(
        "message",
        sent=sent,
        text=sent.email.get_body(("plain",)),
        html=sent.email.get_body(("html",)),
        attachments=list(sent.email.iter_attachments()),
    )
