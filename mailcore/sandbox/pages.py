"""What people see: plain HTML without scripts, readable on a phone."""

from collections.abc import Iterable, Sequence
from email.message import EmailMessage
from html import escape
from urllib.parse import quote

from mailcore.sandbox import scopes
from mailcore.sandbox.counts import OPERATIONS, RequestCounts
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

#: The outbox page lists no more than this many, the latest.
_LISTED = 200

#: The home page lists no more than this many grants of an account, the latest.
_GRANTS_LISTED = 5

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; padding: 0 1rem 3rem; }
body { max-width: 46rem; }
.notice { background: #b45309; color: #fff; padding: .5rem 1rem; margin: 0 -1rem 1.5rem; }
.notice a { color: #fff; }
label { display: block; padding: .5rem 0; }
button { font: inherit; padding: .5rem 1.25rem; margin: .25rem .5rem .25rem 0; cursor: pointer; }
button.main { background: #1d4ed8; color: #fff; border: 1px solid #1d4ed8; border-radius: 4px; }
select, input { font: inherit; max-width: 100%; }
form.inline { display: inline; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .4rem .6rem .4rem 0; vertical-align: top; }
th, td { border-bottom: 1px solid #8884; overflow-wrap: anywhere; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; }
iframe { width: 100%; height: 24rem; border: 1px solid #8884; background: #fff; }
.problem { color: #dc2626; font-weight: 600; }
fieldset { border: 1px solid #8884; border-radius: 4px; margin: 0 0 1rem; }
"""


def _document(title: str, body: str) -> str:
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>"
        '<p class="notice" role="note"><strong>Sandbox.</strong> This is not Google: the accounts '
        "are made up and no mail leaves this machine.</p>"
        f"<main>{body}</main></body></html>"
    )


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
    choices = "".join(
        f'<label><input type="radio" name="account" required value="{escape(each.email)}"'
        f"{' checked' if each == chosen else ''}> {escape(each.email)}</label>"
        for each in accounts
    )
    ticks = "".join(_permission(scope) for scope in asked)
    alert = f'<p class="problem" role="alert">{escape(problem)}</p>' if problem else ""
    return _document(
        "Sandbox consent",
        f"<h1>An app wants access to a made-up Google Account</h1>{alert}"
        '<form method="post">'
        f"<fieldset><legend>Choose an account</legend>{choices}</fieldset>"
        f"<fieldset><legend>Select what the app can access</legend>{ticks}</fieldset>"
        '<button class="main" name="decision" value="allow">Continue</button>'
        '<button name="decision" value="cancel" formnovalidate>Cancel</button></form>',
    )


def _permission(scope: str) -> str:
    fixed = "checked disabled" if scope in scopes.FIXED else "checked"
    name, text = escape(scope), escape(scopes.label(scope))
    return f'<label><input type="checkbox" name="scope" value="{name}" {fixed}> {text}</label>'


def blocked(status: int, error: str, text: str) -> str:
    """Return the page for a request that no person is asked about."""
    return _document(
        f"Error {status}: {error}",
        "<h1>Access blocked: this app’s request is invalid</h1>"
        f"<p>{escape(text)}</p><p>Error {status}: {escape(error)}</p>",
    )


def home(
    accounts: Sequence[Account],
    grants: Sequence[Grant],
    counts: RequestCounts,
    arranged: Sequence[str],
    faults: Iterable[str],
) -> str:
    """Return the sandbox's home page: who there is, what holds, and the switches.

    Args:
        accounts: all accounts.
        grants: all grants.
        counts: the counters.
        arranged: a sentence for each fault still queued.
        faults: the names of all faults.
    """
    sections = "".join(_account_section(each, grants, counts) for each in accounts)
    queue = "".join(f"<li>{escape(text)}</li>" for text in arranged) or "<li>nothing</li>"
    everyone = [("", "any account"), *((each.email, each.email) for each in accounts)]
    return _document(
        "Sandbox",
        '<h1>Sandbox</h1><p><a href="/outbox">Outbox: what was sent</a></p>'
        f"<h2>Accounts</h2>{sections}"
        f"<h2>Make something fail</h2><p>Still to come:</p><ul>{queue}</ul>"
        '<form method="post" action="/sandbox/fail">'
        + _select("operation", "What", [(each, each) for each in OPERATIONS])
        + _select("fault", "How", [(each, each) for each in faults])
        + _select("account", "For", everyone)
        + '<label>How often <input name="times" type="number" min="1" value="1"> '
        "(empty: until all is well again)</label>"
        "<button>Make it fail</button></form>" + _button("/sandbox/heal", "Make all well again"),
    )


def _account_section(account: Account, grants: Sequence[Grant], counts: RequestCounts) -> str:
    email = account.email
    held = [f"{each.status()}{_until(each)}" for each in grants if each.account == account]
    switches = (
        _button("/sandbox/expire-grant", "Expire grant", email)
        + _button("/sandbox/revoke-grant", "Revoke grant", email)
        + _button("/sandbox/expire-access-tokens", "Expire access tokens", email)
    )
    return (
        f'<section aria-label="{escape(email)}"><h3>{escape(email)}</h3>'
        f"<p>Grants: {'; '.join(held[-_GRANTS_LISTED:]) or 'none'}.<br>"
        f"Requests: {counts.sends(email)} sends, {counts.refreshes(email)} refreshes.</p>"
        f"{switches}</section>"
    )


def _until(grant: Grant) -> str:
    if grant.status() != "active" or grant.ends_at is None:
        return ""
    return f" until {grant.ends_at:%Y-%m-%d %H:%M} UTC"


def _button(action: str, text: str, account: str = "") -> str:
    field = f'<input type="hidden" name="account" value="{escape(account)}">' if account else ""
    return (
        f'<form class="inline" method="post" action="{action}">{field}'
        f"<button>{text}</button></form>"
    )


def _select(name: str, text: str, options: Iterable[tuple[str, str]]) -> str:
    choices = "".join(
        f'<option value="{escape(value)}">{escape(shown)}</option>' for value, shown in options
    )
    return f'<label>{text} <select name="{name}">{choices}</select></label>'


def outbox(messages: Sequence[SandboxMessage]) -> str:
    """Return the list of what was sent, the latest first."""
    rows = "".join(
        f"<tr><td>{each.received_at:%H:%M:%S}</td><td>{escape(each.account)}</td>"
        f"<td>{escape(', '.join(each.recipients))}</td>"
        f'<td><a href="/outbox/{quote(each.gmail_id)}">{escape(each.subject) or "(no subject)"}'
        "</a></td></tr>"
        for each in reversed(messages[-_LISTED:])
    )
    table = (
        "<table><thead><tr><th>At (UTC)</th><th>Account</th><th>To</th><th>Subject</th></tr>"
        f"</thead><tbody>{rows}</tbody></table>"
    )
    return _document(
        "Sandbox outbox",
        f'<p><a href="/">Sandbox</a></p><h1>Outbox ({len(messages)})</h1>'
        + (table if messages else "<p>Nothing was sent yet.</p>"),
    )


def message(sent: SandboxMessage) -> str:
    """Return one message's page: its headers, texts and attachments."""
    headers = "".join(
        f"<tr><th>{escape(name)}</th><td>{escape(str(value))}</td></tr>"
        for name, value in sent.email.items()
    )
    attachments = "".join(
        f"<li>{escape(part.get_filename() or part.get_content_type())}, "
        f"{len(part.get_payload(decode=True) or b'')} bytes</li>"
        for part in sent.email.iter_attachments()
    )
    return _document(
        sent.subject or "(no subject)",
        f'<p><a href="/outbox">Outbox</a></p><h1>{escape(sent.subject) or "(no subject)"}</h1>'
        f"<p>Sent through {escape(sent.account)}, Gmail id {sent.gmail_id}, thread "
        f'{escape(sent.thread_id)}. <a href="/outbox/{quote(sent.gmail_id)}/raw">Source</a></p>'
        f"<table>{headers}</table>{_text(sent.email)}{_html(sent.email)}"
        + (f"<h2>Attachments</h2><ul>{attachments}</ul>" if attachments else ""),
    )


def _text(email: EmailMessage) -> str:
    part = email.get_body(("plain",))
    return f"<h2>Text</h2><pre>{escape(part.get_content())}</pre>" if part else ""


def _html(email: EmailMessage) -> str:
    part = email.get_body(("html",))
    if part is None:
        return ""
    # An empty sandbox attribute allows the mail nothing, scripts least of all.
    return f'<h2>HTML</h2><iframe sandbox srcdoc="{escape(part.get_content())}"></iframe>'
