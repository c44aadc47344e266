"""A worker for the chaos run: ``python -m tests.support.chaos_worker LEDGER FIRST LAST``.

It sends the messages of a range of numbers, each under a key of its own, and writes down what
it was told. Several workers get the same range, so each key is asked for by all of them.
"""

import json
import os
import random
import sys

from mailcore import PalEMailError, send_email


def main() -> None:
    ledger, first, last = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    numbers = list(range(first, last))
    random.shuffle(numbers)
    file = os.open(ledger, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for number in numbers:
        line = json.dumps({"number": number, "told": _send(number)}) + "\n"
        os.write(file, line.encode())  # one write, so that lines of several workers stay whole


def _send(number: int) -> str:
    try:
        send_email(
            "alerts",
            to="ops@example.com",
            subject=f"{number}",
            text="94 % of /var are used.",
            idempotency_key=f"key-{number}",
            timeout=3,
        )
    except PalEMailError as exc:
        return exc.code
    return "sent"


if __name__ == "__main__":
    main()
