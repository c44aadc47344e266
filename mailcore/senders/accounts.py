"""Google accounts, by their addresses."""

from email_validator import EmailNotValidError, validate_email


def same_account(one: str, other: str) -> bool:
    """Say whether two addresses are one Google account.

    Neither case matters nor whether a domain is written in Unicode or in punycode (RFC 5891);
    at gmail.com, also called googlemail.com, neither do dots, nor what follows a plus sign
    (https://support.google.com/mail/answer/7436150).
    """
    return _canonical(one) == _canonical(other)


def _canonical(address: str) -> str:
    local, _, domain = address.strip().lower().rpartition("@")
    if domain in {"gmail.com", "googlemail.com"}:
        return local.partition("+")[0].replace(".", "") + "@gmail.com"
    try:
        checked = validate_email(address.strip(), check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return f"{local}@{domain}"
    return f"{checked.local_part.lower()}@{checked.ascii_domain}"
