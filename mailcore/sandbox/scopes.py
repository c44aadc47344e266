"""Scopes: what a person can allow."""

from collections.abc import Iterable

OPENID = "openid"
AUTH = "https://www.googleapis.com/auth/"
EMAIL = f"{AUTH}userinfo.email"
PROFILE = f"{AUTH}userinfo.profile"
SEND = f"{AUTH}gmail.send"
COMPOSE = f"{AUTH}gmail.compose"
FULL_MAIL = "https://mail.google.com/"

#: What pal-e-mail asks for; the default of `GoogleSandbox.issue_grant`.
DEFAULT = (OPENID, EMAIL, SEND)

#: The scopes for signing in have no tick box: any "Continue" grants them.
FIXED = frozenset({OPENID, EMAIL, PROFILE})

#: Any of these allows ``messages.send``.
#: https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages/send
MAY_SEND = frozenset({FULL_MAIL, SEND, f"{AUTH}gmail.modify", COMPOSE})

#: Any of these allows all that can be done with drafts.
#: https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.drafts/create
MAY_DRAFT = MAY_SEND - {SEND}

_SHORT = {"email": EMAIL, "profile": PROFILE}

_LABELS = {
    OPENID: "Know who you are on Google",
    EMAIL: "See your primary Google Account email address",
    PROFILE: "See your personal info",
    SEND: "Send email on your behalf",
    COMPOSE: "Manage drafts and send emails",
    FULL_MAIL: "Read, compose, send and permanently delete all your email from Gmail",
}


def canonical(scope: str) -> str:
    """Return the form in which Google names a scope in its answers."""
    return _SHORT.get(scope, scope)


def is_known(scope: str) -> bool:
    """Say whether a canonical scope looks like one of Google's."""
    return scope in {OPENID, FULL_MAIL} or (scope.startswith(AUTH) and len(scope) > len(AUTH))


def spelled_out(names: Iterable[str]) -> frozenset[str]:
    """Return full scopes for names such as ``gmail.send``; full ones stay as they are."""
    full = {canonical(name) for name in names}
    return frozenset(scope if is_known(scope) else f"{AUTH}{scope}" for scope in full)


def label(scope: str) -> str:
    """Return the sentence that the consent page shows for a scope."""
    return _LABELS.get(scope, scope)
