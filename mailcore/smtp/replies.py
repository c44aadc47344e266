"""What a client is told: a code of SMTP (RFC 5321), an enhanced one (RFC 3463), and a sentence.

4xx where trying later helps, 5xx where it does not.
"""

from mailcore.errors import (
    ConfigurationError,
    DatabaseUnavailable,
    InvalidMessage,
    PalEMailError,
    SenderNotFound,
)

#: Characters that a reply may have; a line has at most 512.
_LONGEST = 400

_CODES: dict[type[PalEMailError], str] = {
    DatabaseUnavailable: "451 4.3.0",
    ConfigurationError: "451 4.3.5",
    SenderNotFound: "550 5.7.1",
    InvalidMessage: "550 5.6.0",
}

#: For what nobody foresaw: the client keeps the message, and tries again.
FAILED = "451 4.3.0 Something went wrong here; details are in the server's log. Try again later."


def refusal(exc: PalEMailError) -> str:
    """Return the reply to what raised an error of ours."""
    codes = (code for kind, code in _CODES.items() if isinstance(exc, kind))
    # Hosts, ports and paths are nobody's business.
    inside = isinstance(exc, DatabaseUnavailable | ConfigurationError)
    why = "This cannot be taken right now. Try again later." if inside else str(exc)
    return reply(next(codes, "451 4.3.0"), why)


def reply(code: str, text: str) -> str:
    """Return a reply of one line, in ASCII.

    Args:
        code: such as ``550 5.6.0``.
        text: whatever it is, it stays one line.
    """
    words = " ".join(text.split())
    line = "".join(char if char.isprintable() and char.isascii() else "?" for char in words)
    return f"{code} {line[:_LONGEST]}"
