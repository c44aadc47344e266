"""What a consent allows (https://developers.google.com/workspace/gmail/api/auth/scopes)."""

EMAIL_SCOPE = "https://www.googleapis.com/auth/userinfo.email"
SEND_SCOPE = "https://www.googleapis.com/auth/gmail.send"
#: Drafts, and sending.
COMPOSE_SCOPE = "https://www.googleapis.com/auth/gmail.compose"

#: Any one of these lets a sender work with drafts.
DRAFT_SCOPES = frozenset(
    {
        COMPOSE_SCOPE,
        "https://www.googleapis.com/auth/gmail.modify",
        "https://mail.google.com/",
    }
)
#: Any one of these lets it send.
SENDING_SCOPES = DRAFT_SCOPES | {SEND_SCOPE}


def mail_scope(*, drafts: bool) -> str:
    """Return the scope that lets a sender send its mail.

    Args:
        drafts: whether it sends it as drafts.
    """
    return COMPOSE_SCOPE if drafts else SEND_SCOPE


def requested_scopes(*, drafts: bool) -> tuple[str, ...]:
    """Return what a consent asks for: no more than its sender needs.

    Args:
        drafts: whether the sender is to send its mail as drafts.
    """
    return ("openid", EMAIL_SCOPE, mail_scope(drafts=drafts))
