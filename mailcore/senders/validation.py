"""What a registration may say."""

import re

from email_validator import EmailNotValidError, validate_email

from mailcore.errors import InvalidSender

ALIAS_PATTERN = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")

#: Taken by addresses under ``/senders``.
RESERVED_ALIASES = frozenset({"callback", "calendar.ics", "reauth", "auth"})

_MAX_TEXT = 200


def checked_alias(alias: str) -> str:
    """Return an alias as it is.

    Raises:
        InvalidSender: it cannot be one.
    """
    if not ALIAS_PATTERN.fullmatch(alias):
        raise InvalidSender(
            f"{alias!r} is not a valid alias.",
            remedy="Use 1 to 63 lower-case letters, digits, '.', '_' and '-', and start with a "
            "letter or digit. Example: alerts",
            field="alias",
            alias=alias,
        )
    if alias in RESERVED_ALIASES:
        raise InvalidSender(
            f"The alias {alias!r} is reserved, because pal-e-mail uses it in its own addresses.",
            remedy="Choose another alias.",
            field="alias",
            alias=alias,
        )
    return alias


def checked_account(account: str | None, alias: str, *, field: str = "gmail_account") -> str | None:
    """Return an account's address in its normal form, or None for an empty one.

    Raises:
        InvalidSender: it is no address.
    """
    if account is None or not account.strip():
        return None
    try:
        # `test_environment` allows the reserved ``.test`` (RFC 6761), as for recipients.
        return validate_email(
            account.strip(), check_deliverability=False, test_environment=True
        ).normalized
    except EmailNotValidError as exc:
        raise InvalidSender(
            f"{account!r} is not an email address: {exc}",
            remedy="Example: alerts@example.com",
            field=field,
            alias=alias,
        ) from exc


def checked_text(value: str | None, field: str, alias: str) -> str | None:
    """Return a line of text without the spaces around it, or None for an empty one.

    Raises:
        InvalidSender: it is no single line, or too long.
    """
    if value is None or not value.strip():
        return None
    if len(value) > _MAX_TEXT or not value.strip().isprintable():
        raise InvalidSender(
            f"The {field.replace('_', ' ')} must be one line of at most {_MAX_TEXT} characters.",
            field=field,
            alias=alias,
        )
    return value.strip()
