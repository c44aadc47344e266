"""A job in a process of its own: ``python -m tests.support.job '{"…": …}'``.

It sends with the arguments given as JSON, one line of output for each call: what came of
it. ``threads`` says how many calls it makes at once.
"""

import json
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any

from mailcore import PalEMailError, send_email


def main() -> None:
    # A shell that starts the tests in the background has them ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    arguments = json.loads(sys.argv[1])
    threads = arguments.pop("threads", 1)
    if threads == 1:  # in the main thread, where signals arrive
        sys.stdout.write(_outcome(arguments))
        return
    with ThreadPoolExecutor(threads) as pool:
        sys.stdout.writelines(pool.map(_outcome, [arguments] * threads))


def _outcome(arguments: dict[str, Any]) -> str:
    try:
        outcome = asdict(send_email("alerts", **arguments))
    except PalEMailError as exc:
        outcome = {"error": exc.code}
    return json.dumps(outcome) + "\n"


if __name__ == "__main__":
    main()
