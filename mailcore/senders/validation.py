"""What a registration may say."""

import re
from collections.abc import Collection
from typing import Any, TypedDict

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


class SenderChanges(TypedDict, total=False):
    """What can be changed of a sender.

    Attributes:
        gmail_account: the mailbox's address.
        display_name: the name that recipients see.
        project: under which it is grouped.
        send_as: all further addresses that it may send as. They must be set up in the account's
            own settings ("Send mail as"): Gmail silently replaces a From that it does not know.
    """

    gmail_account: str | None
    display_name: str | None
    project: str | None
    send_as: Collection[str]


def checked_changes(changes: SenderChanges, alias: str) -> dict[str, Any]:
    """Return changes as they are stored.

    Raises:
        InvalidSender: one of them is unusable.
    """
    if unknown := set(changes) - SenderChanges.__annotations__.keys():
        raise TypeError(f"update() has no argument {min(unknown)!r}")
    checked: dict[str, Any] = {}
    if "gmail_account" in changes:
        checked["gmail_account"] = checked_account(changes["gmail_account"], alias)
    if "display_name" in changes:
        checked["display_name"] = checked_text(changes["display_name"], "display_name", alias)
    if "project" in changes:
        checked["project"] = checked_text(changes["project"], "project", alias)
    if "send_as" in changes:
        addresses = (checked_account(each, alias, field="send_as") for each in changes["send_as"])
        checked["send_as"] = sorted({address for address in addresses if address})
    return checked
